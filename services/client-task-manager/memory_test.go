package clienttaskmanager

import (
	"encoding/json"
	"testing"
)

// Whatever is in the file is read or refused, and what is read is written the same.
func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"version":1,"user_id":"ada","state":{"heard":"2026-01-02T03:04:05Z","offers":[{"id":"a","host":"h","port":1,"client_arguments":"x","files_paths":["client.py"]}],"running":["a"],"finished":{"b":"2026-01-02T03:04:05Z"}}}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseMemory(data)
		if err != nil {
			return
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseMemory(b); err != nil {
			t.Errorf("%s was read and %s is not: %v", data, b, err)
		}
	})
}
