package clienttaskmanager

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestASilentCloudIsNotToldAllAgainAtOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, err := newInfoFile(dir, "ada", map[string]any{"data_qnt": 5})
		if err != nil {
			t.Fatal(err)
		}
		toTell := func(want bool) {
			t.Helper()
			req, raw, err := f.changed()
			if err != nil || (req != nil) != want {
				t.Fatalf("to be told: %+v, %v; want %t", req, err, want)
			}
			if want {
				f.told(raw)
			}
		}
		toTell(true)
		f.doubt()
		toTell(false)
		time.Sleep(2 * doubtful)
		toTell(false)
		f.doubt()
		toTell(true)
		f.forget()
		toTell(true)
	})
}
