package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/config"
)

func TestClosed(t *testing.T) {
	key := filepath.Join(t.TempDir(), "cloud.key")
	if err := os.WriteFile(key, []byte("00"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "cloud.key")
	for name, tc := range map[string]struct {
		mode   config.AuthMode
		key    string
		closed bool
		part   string // of the error; "" for none
	}{
		"auto with a key":    {config.AuthAuto, key, true, ""},
		"auto without":       {config.AuthAuto, missing, false, ""},
		"on with a key":      {config.AuthOn, key, true, ""},
		"on without":         {config.AuthOn, missing, false, "agata operator init"},
		"off with a key":     {config.AuthOff, key, false, ""},
		"off without":        {config.AuthOff, missing, false, ""},
		"a key below a file": {config.AuthAuto, filepath.Join(key, "cloud.key"), false, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := closed(&config.Config{Auth: config.Auth{Mode: tc.mode, KeyFile: tc.key}})
			if got != tc.closed || (err != nil) != (tc.part != "") || err != nil && !strings.Contains(err.Error(), tc.part) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
