package rpctest

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// numbered puts n messages, 0 to n-1, on a queue of this test's own.
func numbered(t *testing.T, ctx context.Context, b Broker, n int) (queue string) {
	t.Helper()
	queue = unique("batch")
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i] = fmt.Append(nil, i)
	}
	if err := b.Connect(t).Publish(ctx, queue, bodies...); err != nil {
		t.Fatal(err)
	}
	return queue
}

// batches: every message comes once, in order, and not one by one.
func batches(t *testing.T, b Broker) {
	const n = 1200
	ctx, cancel := context.WithCancel(context20(t))
	queue := numbered(t, ctx, b, n)
	next, calls := 0, 0
	err := b.Connect(t).SubscribeBatch(ctx, queue, func(bodies [][]byte) error {
		calls++
		if len(bodies) == 0 {
			t.Error("an empty batch came")
		}
		for _, body := range bodies {
			if string(body) != fmt.Sprint(next) {
				t.Errorf("message %d is %s", next, body)
			}
			next++
		}
		if next >= n {
			cancel()
		}
		return nil
	})
	if err != nil || next != n || calls > n/2 {
		t.Errorf("%d of %d messages came in %d batches, %v", next, n, calls, err)
	}
	t.Logf("%d messages in %d batches", n, calls)
	// They were acknowledged: the queue is empty.
	empty(t, ctx, b, queue)
}

// refusedBatch: what was refused, and all behind it, comes again in its order.
func refusedBatch(t *testing.T, b Broker) {
	const n = 40
	ctx, cancel := context.WithCancel(context20(t))
	queue := numbered(t, ctx, b, n)
	next, refusals := 0, 0
	err := b.Connect(t).SubscribeBatch(ctx, queue, func(bodies [][]byte) error {
		if got := string(bodies[0]); got != fmt.Sprint(next) {
			t.Errorf("a batch begins with %s after %d refusals; %d is next", got, refusals, next)
		}
		if refusals < 2 {
			refusals++
			return errors.New("not now")
		}
		if next += len(bodies); next >= n {
			cancel()
		}
		return nil
	})
	if err != nil || next != n {
		t.Errorf("%d of %d messages were taken after %d refusals, %v", next, n, refusals, err)
	}
	empty(t, ctx, b, queue)
}

// empty checks that nothing is on a queue any more: the next message that comes
// is the one put there now.
func empty(t *testing.T, ctx context.Context, b Broker, queue string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := b.Connect(t).Publish(ctx, queue, []byte("last")); err != nil {
		t.Fatal(err)
	}
	err := b.Connect(t).SubscribeBatch(ctx, queue, func(bodies [][]byte) error {
		if len(bodies) != 1 || string(bodies[0]) != "last" {
			t.Errorf("the queue still held %q", bodies)
		}
		cancel()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
