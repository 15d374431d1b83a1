package cloudtaskmanager

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Those who come while the last change is asked for share the next question, which
// begins after they came.
func TestHeadIsAskedForAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := head{turn: make(chan struct{}, 1)}
		var asked, last atomic.Int64
		read := func(context.Context) (int64, error) {
			asked.Add(1)
			seq := last.Load() // as of when the question begins
			time.Sleep(10 * time.Millisecond)
			return seq, nil
		}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Microsecond)
				last.Add(1)
				want := last.Load()
				if seq, err := h.ask(t.Context(), read); err != nil || seq < want {
					t.Errorf("came after %d, was told %d, %v", want, seq, err)
				}
			})
		}
		wg.Wait()
		if n := asked.Load(); n != 2 {
			t.Errorf("it was asked for %d times", n)
		}
	})
}

// Who came first and leaves does not take the answer along; an error is everybody's,
// once.
func TestHeadIsAskedForWhoStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := head{turn: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		answer := func(seq int64, err error) func(context.Context) (int64, error) {
			return func(ctx context.Context) (int64, error) {
				time.Sleep(time.Second)
				return seq, errors.Join(err, ctx.Err())
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { h.ask(ctx, answer(1, nil)) }) //nolint:errcheck // it is given up
		synctest.Wait()
		cancel()
		wg.Go(func() {
			if seq, err := h.ask(t.Context(), answer(2, nil)); seq != 2 || err != nil {
				t.Errorf("was told %d, %v", seq, err)
			}
		})
		wg.Wait()
		broken := errors.New("broken")
		if _, err := h.ask(t.Context(), answer(0, broken)); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if seq, err := h.ask(t.Context(), answer(3, nil)); seq != 3 || err != nil {
			t.Errorf("was told %d, %v", seq, err)
		}
	})
}
