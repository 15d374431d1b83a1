package history

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// Every follower gets everything, once and in order, however it is woken.
func TestFollowersMissNothing(t *testing.T) {
	s := open(t, Options{})
	const writers, batches, followers = 4, 50, 20
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() {
			seen := map[string]bool{}
			for after := int64(0); len(seen) < writers*batches*3; {
				if err := s.Wait(ctx, after); err != nil {
					t.Errorf("after %d of %d: %v", len(seen), writers*batches*3, err)
					return
				}
				entries, err := s.Since(ctx, Filter{}, after, 7)
				if err != nil || len(entries) == 0 {
					t.Errorf("woken for nothing, %v", err)
					return
				}
				for _, e := range entries {
					if e.Seq <= after || seen[e.ID] {
						t.Errorf("seq %d came after %d, seen: %v", e.Seq, after, seen[e.ID])
					}
					after, seen[e.ID] = e.Seq, true
				}
			}
		})
	}
	for w := range writers {
		wg.Go(func() {
			for b := range batches {
				name := fmt.Sprint(w, "-", b)
				add(t, s, 3, event(0, name, "s", name, "x"), round(0, contract.About{Execution: name}, name, "client", "1", "1"), run(0, name, name, "t", "running"))
			}
		})
	}
	wg.Wait()
}

func TestWaitEndsWithItsContext(t *testing.T) {
	s := open(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if last := s.LastSeq(); last != 0 {
		t.Errorf("the last seq of nothing is %d", last)
	}
}

// What is no longer in memory is read from the file, and both give the same.
func TestSinceFromFarBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	s := openAt(t, path, Options{})
	var records []contract.Record
	for n := range 5 * recentEntries / 2 {
		client := "u1"
		if n%1000 == 0 {
			client = "rare"
		}
		records = append(records, event(0, client, "s", "t", fmt.Sprint(n)))
	}
	for len(records) > 0 {
		add(t, s, 512, records[:512]...)
		records = records[512:]
	}
	add(t, s, 1, run(0, "x", "rare", "t", "running"))
	if n := len(s.live.recent); n > 2*recentEntries || n < recentEntries {
		t.Errorf("%d entries are in memory", n)
	}
	for _, reopened := range []bool{false, true} {
		var got []string
		for after := int64(0); ; {
			entries, err := s.Since(t.Context(), Filter{Client: "rare"}, after, 5)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				after = e.Seq
				if e.Event != nil {
					got = append(got, e.Event.Event)
				} else {
					got = append(got, e.Execution)
				}
			}
		}
		if text := strings.Join(got, " "); text != "0 1000 2000 3000 4000 5000 6000 7000 8000 9000 10000 x" {
			t.Errorf("reopened %v: %s", reopened, text)
		}
		if !reopened {
			last := s.LastSeq()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s = openAt(t, path, Options{}); s.LastSeq() != last {
				t.Errorf("the last seq was %d, and is %d", last, s.LastSeq())
			}
		}
	}
}

func TestLiveIsBoundedInBytes(t *testing.T) {
	l := newLive()
	for n := range 2000 {
		r := event(0, "u", "s", "t", strings.Repeat("x", maxText))
		l.add([]Entry{{int64(n + 1), r}})
	}
	if len(l.recent)*maxText > 3*recentBytes || l.from != l.recent[0].Seq-1 || l.last != 2000 {
		t.Errorf("%d entries of 64 KiB are in memory, from %d on", len(l.recent), l.from)
	}
}

// What Add returned for is there after a crash: here, for another reader of the
// file while the first has not closed it.
func TestAddedIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	s := openAt(t, path, Options{})
	add(t, s, 2, event(0, "u", "s", "t", "x"), run(0, "x", "u", "t", "running"))
	other := openAt(t, path, Options{})
	if other.LastSeq() != s.LastSeq() || other.events.Load() != 1 {
		t.Errorf("the other sees seq %d, want %d", other.LastSeq(), s.LastSeq())
	}
}
