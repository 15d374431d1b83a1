package history

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// TestGatewaysShareAHistory: two that write at once, follow each other, and forget.
func TestGatewaysShareAHistory(t *testing.T) {
	at := database.Server{URL: testenv.Postgres(t)}
	now := &clock{noon}
	stores := make([]*Store, 2)
	for i := range stores {
		s, err := Open(t.Context(), "history.db", Options{Database: at, Now: now.now, Retention: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // what it has written is looked at before
		stores[i] = s
	}
	const each = 20
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			for n := range each {
				about := contract.About{Task: "t", Execution: "x"}
				_, err := s.Add(t.Context(), []contract.Record{
					event(float64(n), fmt.Sprintf("u%d-%d", i, n), "s", fmt.Sprint("t", n), "both know it"), round(0, about, "u", "client", "1", "0.5"),
				})
				if err != nil {
					t.Errorf("gateway %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	for i, s := range stores {
		if err := s.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
		entries, err := s.Since(t.Context(), Filter{}, 0, 1000)
		if err != nil || len(entries) != 4*each {
			t.Fatalf("gateway %d sees %d entries, %v; want %d", i, len(entries), err, 4*each)
		}
		for k, e := range entries {
			if e.Client == "" || k > 0 && e.Seq <= entries[k-1].Seq {
				t.Errorf("gateway %d: entry %d is %+v", i, k, e)
			}
		}
		list, _, err := s.Events(t.Context(), Filter{Client: fmt.Sprintf("u%d-3", 1-i)}, EventPage{})
		if err != nil || len(list) != 1 {
			t.Errorf("gateway %d finds %d events of the other one's client, %v", i, len(list), err)
		}
		if st, err := s.Stats(t.Context()); err != nil || st.Events != 2*each {
			t.Errorf("gateway %d: %+v, %v", i, st, err)
		}
	}

	// A follower of one hears what the other one stores.
	last := stores[0].LastSeq()
	add(t, stores[1], 1, event(99, "late", "s", "", "news"))
	if err := stores[0].follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := stores[0].Wait(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if news, err := stores[0].Since(t.Context(), Filter{}, last, 0); err != nil || len(news) != 1 || news[0].Client != "late" {
		t.Errorf("the follower hears %+v, %v", news, err)
	}

	// Names that one forgets are new to the other.
	now.at += 2 * 3600
	prune(t, stores[0])
	if n := count(t, stores[0], "names"); n != 0 {
		t.Errorf("%d names are left", n)
	}
	add(t, stores[1], 1, event(2*3600, "u0-1", "s", "", "again"))
	again, _, err := stores[1].Events(t.Context(), Filter{Client: "u0-1"}, EventPage{})
	if err != nil || len(again) != 1 || again[0].Client != "u0-1" || count(t, stores[1], "names") != 2 {
		t.Errorf("after the names were forgotten: %+v, %v", again, err)
	}

	// Who was seen at one is known at the other.
	if err := stores[0].Seen(t.Context(), "zoe", now.at); err != nil {
		t.Fatal(err)
	}
	if err := stores[0].writeSeen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := stores[1].follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen := stores[1].SeenSince(now.at - 1); len(seen) != 1 || seen[0] != "zoe" {
		t.Errorf("the other gateway has seen %v", seen)
	}
}
