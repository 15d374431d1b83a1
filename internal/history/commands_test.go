package history

import (
	"errors"
	"fmt"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestCommands(t *testing.T) {
	now := &clock{noon}
	s := open(t, Options{Now: now.now})
	release := func(id string) contract.Command {
		return contract.Command{ID: id, Kind: contract.CommandRelease, Task: "t"}
	}
	for _, id := range []string{"c1", "c2", "c3"} {
		if err := s.Command(t.Context(), "u1", release(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Command(t.Context(), "u2", release("c1")); !errors.Is(err, ErrCommandExists) {
		t.Errorf("an id that is taken: %v", err)
	}
	if err := s.Command(t.Context(), "", release("c9")); err == nil {
		t.Error("a command for nobody was taken")
	}
	now.at++
	err := s.Done(t.Context(), "u1", []contract.CommandResult{{ID: "c1"}, {ID: "c2", Error: "not quarantined"}, {ID: "unknown"}})
	if err != nil {
		t.Fatal(err)
	}
	// Another client's word, and a second one, change nothing.
	for client, id := range map[string]string{"u2": "c3", "u1": "c1"} {
		if err := s.Done(t.Context(), client, []contract.CommandResult{{ID: id, Error: "late"}}); err != nil {
			t.Fatal(err)
		}
	}
	pending, err := s.Pending(t.Context(), "u1")
	if err != nil || len(pending) != 1 || pending[0] != release("c3") {
		t.Errorf("%+v wait, %v", pending, err)
	}
	for id, want := range map[string]CommandView{
		"c1": {release("c1"), "u1", CommandDone, "", noon, noon + 1},
		"c2": {release("c2"), "u1", CommandFailed, "not quarantined", noon, noon + 1},
		"c3": {release("c3"), "u1", CommandPending, "", noon, 0},
	} {
		if got, found, err := s.CommandState(t.Context(), id); err != nil || !found || got != want {
			t.Errorf("%+v, %v, %v", got, found, err)
		}
	}
	if _, found, err := s.CommandState(t.Context(), "c4"); found || err != nil {
		t.Errorf("an unknown command: %v, %v", found, err)
	}

	now.at += keepCommands
	prune(t, s)
	if got, _, _ := s.CommandState(t.Context(), "c3"); got.State != CommandFailed || got.Error == "" || got.Ended != now.at {
		t.Errorf("what nobody fetched: %+v", got)
	}
	now.at += keepCommands
	prune(t, s)
	if n := count(t, s, "commands"); n != 0 {
		t.Errorf("%d commands are left", n)
	}
}

func TestCommandsAreBounded(t *testing.T) {
	s := open(t, Options{})
	var err error
	for n := range maxPending + 1 {
		err = s.Command(t.Context(), "u1", contract.Command{ID: fmt.Sprint(n), Kind: "release", Task: "t"})
		if err != nil && n < maxPending {
			t.Fatal(err)
		}
	}
	if !errors.Is(err, ErrTooManyCommands) {
		t.Errorf("got %v", err)
	}
	if err := s.Command(t.Context(), "u2", contract.Command{ID: "other", Kind: "release", Task: "t"}); err != nil {
		t.Errorf("another client: %v", err)
	}
}
