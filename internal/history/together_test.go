package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// Of many calls at once, some with the same records, each is told how many of its
// own were new; the numbers have no gap, and the counts are right.
func TestCallsShareTransactions(t *testing.T) {
	s := open(t, Options{})
	const calls, each = 40, 25
	shared := event(0, "c", "s", "t", "shared")
	added := make([]int, calls)
	var wg sync.WaitGroup
	if err := s.lock(t.Context()); err != nil { // so that they meet
		t.Fatal(err)
	}
	for i := range calls {
		wg.Go(func() {
			batch := []contract.Record{shared}
			for k := range each {
				batch = append(batch, event(0, fmt.Sprint("c", i), "s", "t", fmt.Sprint(i, " ", k)))
			}
			var err error
			if added[i], err = s.Add(t.Context(), batch); err != nil {
				t.Error(err)
			}
		})
	}
	waiting := func() int { s.waiting.mu.Lock(); defer s.waiting.mu.Unlock(); return len(s.waiting.list) }
	testenv.Eventually(t, 20*time.Second, "all calls wait", func() bool { return waiting() == calls })
	s.unlock()
	wg.Wait()
	sum := 0
	for _, n := range added {
		sum += n
	}
	if want := calls*each + 1; sum != want || s.LastSeq() != int64(want) || s.events.Load() != int64(want) {
		t.Errorf("%d were new, the last seq is %d, %d events; want %d", sum, s.LastSeq(), s.events.Load(), want)
	}
	d, err := s.Density(t.Context(), Filter{}, ByService, 10, 10)
	if err != nil || d.Total != int64(calls*each+1) {
		t.Errorf("%d are counted, %v", d.Total, err)
	}
	entries, err := s.Since(t.Context(), Filter{}, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if e.Seq != int64(i+1) {
			t.Fatalf("entry %d has seq %d", i, e.Seq)
		}
	}
}

// Who gives up while others write has stored nothing.
func TestAddGivesUp(t *testing.T) {
	s := open(t, Options{})
	if err := s.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Add(ctx, []contract.Record{event(0, "c", "s", "t", "given up")})
		done <- err
	}()
	testenv.Eventually(t, 20*time.Second, "the call waits", func() bool { s.waiting.mu.Lock(); defer s.waiting.mu.Unlock(); return len(s.waiting.list) == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.unlock()
	if n, err := s.Add(t.Context(), []contract.Record{event(0, "c", "s", "t", "kept")}); n != 1 || err != nil || s.LastSeq() != 1 {
		t.Errorf("%d, %v, seq %d", n, err, s.LastSeq())
	}
}

// A batch that cannot be stored takes no other with it.
func TestABatchFailsAlone(t *testing.T) {
	s := open(t, Options{})
	good := &batch{records: []contract.Record{event(0, "c", "s", "t", "good")}, done: make(chan struct{})}
	bad := &batch{done: make(chan struct{}), records: []contract.Record{{
		ID: uuid.NewString(), Kind: contract.RecordClient, Client: "c", State: &contract.ClientState{}, Time: math.NaN(), // NULL to SQLite, which the table refuses
	}}}
	if err := s.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.storeAll(t.Context(), []*batch{bad, good})
	s.unlock()
	if bad.err == nil || good.err != nil || good.added != 1 || s.LastSeq() != 1 {
		t.Errorf("bad: %v; good: %d, %v; seq %d", bad.err, good.added, good.err, s.LastSeq())
	}
}

// What an event takes of memory, when they come in batches; the test makes two of the
// allocations itself.
func TestAddAllocations(t *testing.T) {
	s := open(t, Options{})
	batch := make([]contract.Record, 500)
	per := testing.AllocsPerRun(5, func() {
		for i := range batch {
			batch[i] = event(0, "c", "s", "t", "Finished requesting task")
			batch[i].ID = uuid.NewString()
		}
		if n, err := s.Add(t.Context(), batch); n != len(batch) || err != nil {
			t.Fatal(n, err)
		}
	}) / float64(len(batch))
	if per > 25 {
		t.Errorf("an event takes %.1f allocations", per)
	}
}
