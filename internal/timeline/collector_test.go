package timeline

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// queue plays a broker's queue of events: the transports' own suite proves the
// real ones.
type queue [][]byte

func (q queue) Subscribe(ctx context.Context, _ string, fn func([]byte) error) error {
	for _, body := range q {
		if err := fn(body); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func TestCollectorMergesSortsAndKeepsEachOnce(t *testing.T) {
	c := NewCollector(nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- c.Run(ctx,
			queue{[]byte(`{"time":2,"service":"a","function":"f","event":"second"}`), []byte(`nonsense`)},
			queue{[]byte(`{"time":1,"service":"b","function":"f","event":"first"}`), []byte(`{"time":1,"service":"b","function":"f","event":"first"}`)})
	}()
	for _, text := range []string{"first", "second"} {
		if _, err := c.Wait(ctx, 1, Text(text)); err != nil {
			t.Fatal(err)
		}
	}
	short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	if _, err := c.Wait(short, 2, Text("first")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the repeated event counts twice: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := c.Events(); len(got) != 2 || got[0].Event != "first" || got[1].Event != "second" {
		t.Errorf("got %+v", got)
	}
}
