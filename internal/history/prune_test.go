package history

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

func prune(t *testing.T, s *Store) {
	t.Helper()
	if err := s.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	err := s.db.View(t.Context(), func(q database.Querier) error {
		return q.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPruneByAge(t *testing.T) {
	now := &clock{noon}
	path := filepath.Join(t.TempDir(), "h.db")
	s := openAt(t, path, Options{Retention: time.Hour, Now: now.now})
	about := contract.About{Task: "t", Execution: "x1"}
	// Its age is that of its arrival: a client may bring what happened long ago.
	add(t, s, 6, event(-9000, "u1", "s1", "t1", "old"), round(0, about, "u1", "client", "1", "0.5"), run(0, "x1", "u1", "t", "finished"),
		run(0, "x2", "u1", "t", "running"), state(0, "u1", ""), state(0, "u2", ""))
	for _, client := range []string{"u1", "u2"} {
		if err := s.Seen(t.Context(), client, noon); err != nil {
			t.Fatal(err)
		}
	}
	old := s.LastSeq()
	now.at += 3000
	add(t, s, 2, event(3000, "u1", "s2", "t2", "new"), round(3000, about, "u1", "client", "2", "0.6"))
	prune(t, s)
	if first, _ := s.FirstSeq(t.Context()); first != 1 || count(t, s, "events") != 2 {
		t.Errorf("first seq %d, %d events; nothing is old yet", first, count(t, s, "events"))
	}
	now.at += 1000
	if err := s.Seen(t.Context(), "u2", now.at); err != nil {
		t.Fatal(err)
	}
	prune(t, s)
	for table, want := range map[string]int{"events": 1, "rounds": 1, "executions": 1, "states": 1, "names": 3} {
		if n := count(t, s, table); n != want {
			t.Errorf("%d %s are left, want %d", n, table, want)
		}
	}
	clients, err := s.Clients(t.Context(), []string{"u1", "u2"})
	if err != nil || len(clients) != 1 || clients["u2"].State == nil {
		t.Errorf("clients %v, %v: want the one that is still seen", clients, err)
	}
	// What came after the old ones is complete; before that there is a gap.
	first, err := s.FirstSeq(t.Context())
	if err != nil || first < 2 || first > old+1 {
		t.Errorf("first seq %d, %v, want at most %d", first, err, old+1)
	}
	// A name that was removed may come back, also after a restart.
	add(t, s, 1, event(4000, "u1", "s1", "t1", "again"))
	now.at += 10000
	prune(t, s)
	last := s.LastSeq()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, Options{Now: now.now})
	if got, _ := s.FirstSeq(t.Context()); s.LastSeq() < got-1 || got < first || s.events.Load() != 0 {
		t.Errorf("reopened: first seq %d, last %d, %d events", got, s.LastSeq(), s.events.Load())
	}
	add(t, s, 1, event(20000, "u1", "s1", "t1", "later"))
	if s.LastSeq() <= first || last == 0 {
		t.Errorf("seq %d was given again", s.LastSeq())
	}
	got, _, err := s.Events(t.Context(), Filter{Client: "u1", Task: "t1", Service: "s1"}, EventPage{})
	if err != nil || len(got) != 1 || got[0].Client != "u1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPruneByNumber(t *testing.T) {
	s := open(t, Options{MaxEvents: 100})
	var records []contract.Record
	for n := range 700 {
		records = append(records, event(float64(-n), "u", "s", "t", fmt.Sprint(n)), round(0, contract.About{Task: "t", Execution: fmt.Sprint(n)}, "u", "client", "1", "1"),
			run(float64(n), fmt.Sprint(n), "u", "t", "finished"))
	}
	add(t, s, len(records), records...)
	select {
	case <-s.full:
	default:
		t.Error("nobody was told that there are too many")
	}
	prune(t, s)
	for table, want := range map[string]int{"events": 100, "rounds": 100, "series": 100, "executions": 100} {
		if n := count(t, s, table); n != want {
			t.Errorf("%d %s are left, want %d", n, table, want)
		}
	}
	got, _, err := s.Events(t.Context(), Filter{}, EventPage{})
	if err != nil || len(got) != 100 || got[0].Event.Event != "699" {
		t.Errorf("%d events, %v: want those that came last", len(got), err)
	}
	first, _ := s.FirstSeq(t.Context())
	if first <= 3*598 || first > got[99].Seq {
		t.Errorf("first seq %d, the first event that is left has %d", first, got[99].Seq)
	}
}

func TestRunPrunesAndWritesWhoWasSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), path, Options{Retention: time.Hour, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- s.Run(ctx) }()
		e := event(0, "u", "s", "t", "x")
		e.Time = seconds(time.Now())
		add(t, s, 1, e)
		if err := s.Seen(t.Context(), "u", seconds(time.Now())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if n := count(t, s, "seen"); n != 1 {
			t.Errorf("%d clients are in the file", n)
		}
		time.Sleep(2 * time.Hour)
		if n := count(t, s, "events"); n != 0 {
			t.Errorf("%d events are left", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Adding goes on while very many are removed.
func TestPruneDoesNotHoldAddUp(t *testing.T) {
	s := open(t, Options{MaxEvents: 10})
	var records []contract.Record
	for range 5000 {
		records = append(records, event(0, "u", "s", "t", "x"))
	}
	add(t, s, len(records), records...)
	done := make(chan error, 1)
	go func() { done <- s.prune(t.Context()) }()
	between := 0
	for pruning := true; pruning; {
		add(t, s, 1, event(0, "u", "s", "t", "x"))
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			pruning = false
		default:
			between++
		}
	}
	if between < 3 {
		t.Errorf("%d records were added while 5000 were removed in 10 steps", between)
	}
}
