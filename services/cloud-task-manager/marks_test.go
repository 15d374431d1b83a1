package cloudtaskmanager

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An instance with another work folder is told of once, and again when it has been
// right meanwhile.
func TestMarks(t *testing.T) {
	log := &lockedBuffer{}
	s := &Service{work: t.TempDir(), log: slog.New(slog.NewTextHandler(log, nil)), shared: &shared{id: "me", host: "here"}}
	if err := s.leaveMark(); err != nil {
		t.Fatal(err)
	}
	others := []instance{{id: "other", host: "there", alive: true}, {id: "dead", host: "nowhere"}}
	look := func(times, warnings int) {
		t.Helper()
		for range times {
			s.lookForMarks(others)
		}
		if n := strings.Count(log.String(), "another work folder"); n != warnings {
			t.Errorf("%d warnings, want %d: %s", n, warnings, log)
		}
	}
	look(unseenMost-1, 0)
	look(2*unseenMost, 1)
	path := filepath.Join(s.work, "instances", "other")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look(1, 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	look(2*unseenMost, 2)
	if strings.Contains(log.String(), "dead") {
		t.Errorf("of one that is gone: %s", log)
	}
}
