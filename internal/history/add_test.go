package history

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestAddStoresEachRecordOnce(t *testing.T) {
	s := open(t, Options{})
	about := contract.About{Task: "4fe5", Execution: "01890000-0000-7000-8000-000000000001"}
	e := event(1, "u1", "service_client_ml", "4fe5", "Started client")
	e.Execution, e.Trace = about.Execution, "0af7651916cd43dd8448eb211c80319c"
	r := round(2, about, "u1", "client", "1", "0.5")
	x := run(3, about.Execution, "u1", "4fe5", "running")
	c := state(4, "u1", "")
	add(t, s, 4, e, r, x, c)
	add(t, s, 0, c, x, r, e)
	add(t, s, 1, e, event(5, "", "cloud_gateway", "", "other"), e)

	want := e
	got, err := s.Since(t.Context(), Filter{}, 0, 0)
	if err != nil || len(got) != 5 {
		t.Fatalf("%d entries, %v; want 5", len(got), err)
	}
	for name, entries := range map[string]func() ([]Entry, error){
		"memory": func() ([]Entry, error) { return s.Since(t.Context(), Filter{}, 0, 0) },
		"file":   func() ([]Entry, error) { return s.since(t.Context(), &Filter{}, 0, s.LastSeq(), 100) },
	} {
		got, err := entries()
		if err != nil || len(got) != 5 {
			t.Fatalf("%s: %d entries, %v; want 5", name, len(got), err)
		}
		if g := got[0]; g.ID != want.ID || g.Time != want.Time || g.Client != "u1" || g.About != about || g.Trace != want.Trace ||
			*g.Event != (contract.Event{Time: want.Time, Service: "service_client_ml", Function: "f", Event: "Started client"}) {
			t.Errorf("%s: event %+v %+v", name, g, g.Event)
		}
		if g := got[1]; g.ID != r.ID || g.About != about || *g.Round != *r.Round {
			t.Errorf("%s: round %+v", name, g)
		}
		if g := got[2]; g.ID != x.ID || g.About != about || g.Run.State != "running" {
			t.Errorf("%s: execution %+v", name, g)
		}
		if g := got[3]; g.ID != c.ID || g.Client != "u1" || g.State.UserID != "u1" {
			t.Errorf("%s: state %+v", name, g)
		}
		if !slices.IsSortedFunc(got, func(a, b Entry) int { return int(a.Seq - b.Seq) }) {
			t.Errorf("%s: not in the order of seq", name)
		}
	}
}

func TestAddPassesOverNonsense(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	tests := map[string]func(r *contract.Record){
		"no id":           func(r *contract.Record) { r.ID = "" },
		"no body":         func(r *contract.Record) { r.Event = nil },
		"other body":      func(r *contract.Record) { r.Event, r.Round = nil, &contract.Round{Side: "client"} },
		"no kind":         func(r *contract.Record) { r.Kind = "" },
		"before 2000":     func(r *contract.Record) { r.Time = 1 },
		"negative":        func(r *contract.Record) { r.Time = -noon },
		"after 2100":      func(r *contract.Record) { r.Time = 1e15 },
		"no number":       func(r *contract.Record) { r.Time = math.NaN() },
		"long id":         func(r *contract.Record) { r.ID = long },
		"long client":     func(r *contract.Record) { r.Client = long },
		"long task":       func(r *contract.Record) { r.Task = long },
		"long service":    func(r *contract.Record) { r.Event.Service = long },
		"no execution":    func(r *contract.Record) { *r = run(0, "", "u", "t", "running") },
		"no such state":   func(r *contract.Record) { *r = run(0, "x", "u", "t", "sleeping") },
		"no such side":    func(r *contract.Record) { *r = round(0, contract.About{}, "u", "middle", "1", "1") },
		"state of nobody": func(r *contract.Record) { *r = state(0, "", "") },
		"huge state":      func(r *contract.Record) { *r = state(0, "u", strings.Repeat("x", maxState)) },
	}
	s := open(t, Options{})
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			bad, before := event(0, "u1", "s", "t", "bad"), s.skipped.Load()
			spoil(&bad)
			add(t, s, 2, event(0, "u1", "s", "t", "good"), bad, event(0, "u1", "s", "t", "good"))
			if n := s.skipped.Load() - before; n != 1 {
				t.Errorf("%d counted, want 1", n)
			}
		})
	}
}

func TestAddCutsLongTexts(t *testing.T) {
	s := open(t, Options{})
	e := event(0, "", "s", "", strings.Repeat("ä", maxText)+"\xff\x00")
	x := run(0, "x", "", "t", "failed")
	x.Run.LastLines = []string{"first", strings.Repeat("y", maxText-10), "last"}
	add(t, s, 2, e, x)
	got, _, err := s.Events(t.Context(), Filter{}, EventPage{})
	if err != nil || len(got) != 1 || got[0].Event.Event != strings.Repeat("ä", maxText/2) {
		t.Errorf("%d events, %v; want one, cut between two characters", len(got), err)
	}
	one, _, err := s.Execution(t.Context(), "x")
	if err != nil || len(one.LastLines) != 2 || one.LastLines[1] != "last" {
		t.Errorf("last lines %.40q, %v", one.LastLines, err)
	}
}
