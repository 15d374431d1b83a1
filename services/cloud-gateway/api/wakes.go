package api

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// awaitTime is how long a question for changes waits at the cloud's task manager;
	// awaitMore what it may take beside that.
	awaitTime = 20 * time.Second
	awaitMore = 10 * time.Second
	// A task manager that does not answer is asked again after awayFirst, doubling to
	// awayMost.
	awayFirst, awayMost = 100 * time.Millisecond, 5 * time.Second
	// Each client that is woken asks for tasks. They are woken wakeBatch at a time,
	// wakePause apart, and when the gateway has answered most of what it was asked:
	// it is looked at every wakePause, for wakeMost at most.
	wakeBatch           = 64
	wakePause, wakeMost = 10 * time.Millisecond, time.Second
)

// Watch hears of changes of tasks and wakes the clients that they concern, until
// ctx ends.
func (a *API) Watch(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { a.hear(ctx); return nil })
	g.Go(func() error { a.wakeAll(ctx); return nil })
	return g.Wait()
}

// hear awaits changes, again and again.
func (a *API) hear(ctx context.Context) {
	var at contract.Changes
	for try := 0; ctx.Err() == nil; {
		answer, err := a.await(ctx, at)
		if err == nil {
			if try > 0 {
				a.log.Info("changes of tasks are heard of again")
			}
			at, try = contract.Changes{Feed: answer.Feed, Next: answer.Next}, 0
			a.links.apply(answer)
			continue
		}
		if try == 0 && ctx.Err() == nil {
			a.log.Warn("changes of tasks are not heard of now; clients learn of them when they ask", "err", err)
		}
		d := min(awayFirst<<min(try, 16), awayMost)
		try++
		if !sleep(ctx, d/2+rand.N(d/2)) {
			return
		}
	}
}

func (a *API) await(ctx context.Context, at contract.Changes) (contract.Changes, error) {
	ctx, cancel := context.WithTimeout(ctx, awaitTime+awaitMore)
	defer cancel()
	return rpc.Call(ctx, a.opt.Transport, contract.AwaitChanges, contract.AwaitChangesRequest{
		Feed: at.Feed, After: at.Next, Wait: awaitTime.Seconds(),
	})
}

// wakeAll wakes those who wait for it, no faster than the gateway can answer what
// they ask then.
func (a *API) wakeAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.links.ready:
		}
		for a.links.release(wakeBatch) == wakeBatch {
			for began := time.Now(); ; {
				if !sleep(ctx, wakePause) {
					return
				}
				if !a.opt.Busy() || time.Since(began) > wakeMost {
					break
				}
			}
		}
	}
}

// sleep waits; false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
