package history

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestTheNewestStateOfAClientStays(t *testing.T) {
	now := &clock{noon}
	s := open(t, Options{Now: now.now})
	second := state(20, "u1", "second")
	now.at += 30
	add(t, s, 2, second, state(10, "u1", "first, and late"), state(10, "u2", ""))
	add(t, s, 0, second)
	got, found, err := s.Client(t.Context(), "u1")
	if err != nil || !found || got.State.LastError != "second" || got.LastSeen != 0 {
		t.Errorf("%+v, %v, %v", got, found, err)
	}
	// A clock that was ahead, and was put right.
	add(t, s, 1, state(900_000, "u1", "ahead"))
	now.at += 10
	add(t, s, 1, state(40, "u1", "right"))
	if got, _, err := s.Client(t.Context(), "u1"); err != nil || got.State.LastError != "right" {
		t.Errorf("%+v, %v", got.State, err)
	}
	// One that was set back by hours, the client's and then the cloud's.
	now.at += 60
	add(t, s, 1, state(-20_000, "u1", "set back"))
	now.at -= 50_000
	add(t, s, 1, state(-70_000, "u1", "both set back"))
	if got, _, err := s.Client(t.Context(), "u1"); err != nil || got.State.LastError != "both set back" {
		t.Errorf("%+v, %v", got.State, err)
	}
	if _, found, err := s.Client(t.Context(), "u3"); found || err != nil {
		t.Errorf("an unknown client: %v, %v", found, err)
	}
}

func TestSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	s := openAt(t, path, Options{})
	for _, at := range []float64{noon - 10, noon - 20, noon + 1e6} { // the last one is in the future
		if err := s.Seen(t.Context(), "u1", at); err != nil {
			t.Fatal(err)
		}
	}
	for _, client := range []string{"", strings.Repeat("x", maxName+1)} {
		if err := s.Seen(t.Context(), client, noon); err == nil {
			t.Errorf("client %.10q was taken", client)
		}
	}
	if got, found, err := s.Client(t.Context(), "u1"); err != nil || !found || got.LastSeen != noon || got.State != nil {
		t.Errorf("%+v, %v, %v", got, found, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, Options{})
	if got, err := s.Clients(t.Context(), []string{"u1", "u2"}); err != nil || len(got) != 1 || got["u1"].LastSeen != noon {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
	if got, err := s.Clients(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("of nobody: %+v, %v", got, err)
	}
}
