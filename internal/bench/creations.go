package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// creations are callers who create tasks until they are stopped.
type creations struct {
	s      *system
	prefix string // of the tasks' ids

	mu    sync.Mutex
	calls []made // that ended, in that order
	under int    // calls under way
}

// begin starts the callers; stop ends them and gives the calls that ended, and how
// many did not within their deadline and two seconds.
func (l *creations) begin(ctx context.Context) (stop func() (calls []made, hung int)) {
	over := make(chan struct{})
	var callers sync.WaitGroup
	for i := range recovering {
		callers.Go(func() { l.caller(ctx, i, over) })
	}
	ended := make(chan struct{})
	return sync.OnceValues(func() ([]made, int) {
		close(over)
		go func() { callers.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(callTime + 2*time.Second):
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.Clone(l.calls), l.under
	})
}

func (l *creations) caller(ctx context.Context, i int, over <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		case <-ctx.Done():
			return
		default:
		}
		c := made{id: fmt.Sprintf("%s-%d-%d", l.prefix, i, n)}
		l.account(1)
		c.began = time.Now()
		call, cancel := context.WithTimeout(ctx, callTime)
		_, c.err = rpc.Call(call, l.s.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: c.id, Host: "127.0.0.1", Port: 1, Username: "u", Password: "p", FilesPaths: []string{}})
		cancel()
		c.ended = time.Now()
		l.mu.Lock()
		l.under--
		l.calls = append(l.calls, c)
		l.mu.Unlock()
	}
}

func (l *creations) account(by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.under += by
}

func (l *creations) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// goodAfter is when the first good call ended that began after a moment.
func (l *creations) goodAfter(moment time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls {
		if c.err == nil && c.began.After(moment) {
			return c.ended, true
		}
	}
	return time.Time{}, false
}
