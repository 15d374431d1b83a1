package obs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewLoggerFormats(t *testing.T) {
	for _, tc := range []struct {
		format string
		json   bool
	}{{FormatAuto, true}, {FormatJSON, true}, {FormatText, false}, {"", true}} {
		t.Run(tc.format, func(t *testing.T) {
			var b bytes.Buffer
			log, _ := NewLogger(&b, slog.LevelInfo, tc.format)
			log.Info("hello", "task_id", "4fe5")
			if got := json.Valid(b.Bytes()); got != tc.json {
				t.Errorf("JSON is %v, want %v: %s", got, tc.json, b.String())
			}
			if !strings.Contains(b.String(), "4fe5") {
				t.Errorf("the attribute is missing: %s", b.String())
			}
		})
	}
}

func TestNewLoggerToAFileIsJSON(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, _ := NewLogger(f, slog.LevelInfo, FormatAuto)
	log.Info("hello")
	if data, err := os.ReadFile(f.Name()); err != nil || !json.Valid(data) {
		t.Errorf("the file holds %q, %v, want JSON", data, err)
	}
}

func TestTerminalIsRecognised(t *testing.T) {
	for path, want := range map[string]bool{"/dev/ptmx": true, os.DevNull: false} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got := isTerminal(f); got != want {
			t.Errorf("%s is a terminal: %v, want %v", path, got, want)
		}
	}
}

func TestLevelChangesWhileRunning(t *testing.T) {
	var b bytes.Buffer
	log, level := NewLogger(&b, slog.LevelWarn, FormatText)
	log.Info("quiet")
	level.Set(slog.LevelDebug)
	log.Debug("loud")
	if out := b.String(); strings.Contains(out, "quiet") || !strings.Contains(out, "loud") {
		t.Errorf("the log holds %q, want only the second message", out)
	}
}
