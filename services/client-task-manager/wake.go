package clienttaskmanager

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// wakePace is the least time between two polls that wakes lead to.
	wakePace = 50 * time.Millisecond
	// maxWakes bounds the tasks that are remembered between two turns of the loop.
	maxWakes = 1000
	// maxStretch bounds how much longer than its interval a client leaves a busy cloud
	// alone.
	maxStretch = 6
)

// wakes are what the cloud has told since the loop looked last. Only the latest
// of a task counts.
type wakes struct {
	due chan struct{} // has room for one: there is something

	mu     sync.Mutex
	ask    bool              // the cloud is to be asked
	change map[string]string // by task
	after  time.Time         // when the cloud wants to be asked again; zero: it did not say

	// The loop's own.
	polled time.Time
	later  bool            // a wake is put when the pace allows the next poll
	halted map[string]bool // stopped by somebody, and not offered since
}

func newWakes() wakes {
	return wakes{due: make(chan struct{}, 1), change: map[string]string{}, halted: map[string]bool{}}
}

// wake answers at once: what it leads to is the loop's.
func (s *Service) wake(_ context.Context, req contract.WakeRequest) (contract.None, error) {
	if req.PollAfter > 0 {
		s.wakes.mu.Lock()
		defer s.wakes.mu.Unlock()
		s.wakes.after = time.Now().Add(time.Duration(req.PollAfter * float64(time.Second)))
		return contract.None{}, nil
	}
	s.wakes.put(req)
	return contract.None{}, nil
}

func (w *wakes) put(req contract.WakeRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ask = w.ask || req.Change != contract.ChangeStopped
	if _, known := w.change[req.TaskID]; req.TaskID != "" && (known || len(w.change) < maxWakes) {
		w.change[req.TaskID] = req.Change
	}
	w.signal()
}

func (w *wakes) signal() {
	select {
	case w.due <- struct{}{}:
	default:
	}
}

// take returns what was put since.
func (w *wakes) take() (change map[string]string, ask bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change, ask = w.change, w.ask
	w.change, w.ask = map[string]string{}, false
	return change, ask
}

// woken does what wakes ask for. A stop is obeyed as it stands, without a poll:
// the end of the process leads to one. All else is a poll.
func (l *loop) woken(ctx context.Context) {
	w := &l.s.wakes
	change, ask := w.take()
	for id, what := range change {
		if what == contract.ChangeStopped {
			w.halted[id] = true
			l.stale = l.stale || l.polling
			// Not as the last poll had it: nothing is launched by that any more.
			l.offered = slices.DeleteFunc(slices.Clone(l.offered), func(t contract.OfferedTask) bool { return t.ID == id })
			continue
		}
		// It is another now than when it failed: look at its files, or try it, at once.
		delete(l.checked, id)
		delete(l.retryAt, id)
	}
	if !ask {
		return
	}
	if wait := wakePace - time.Since(w.polled); wait > 0 {
		if !w.later {
			w.later = true
			time.AfterFunc(wait, func() { w.put(contract.WakeRequest{}) })
		}
		return
	}
	w.later, w.polled = false, time.Now()
	l.poll(ctx, true)
}

// pause is how long to wait for the next poll, that would be due after d: longer
// when the cloud is busy and says so, within bounds, and when it gives no answer
// some more or less, so that not all clients find out together that it is back.
func (l *loop) pause(d time.Duration) time.Duration {
	w := &l.s.wakes
	w.mu.Lock()
	after := time.Until(w.after)
	w.mu.Unlock()
	if d < l.s.opt.Interval { // a restart is due
		return d
	}
	d = max(d, min(after, maxStretch*d))
	if l.s.status.away() {
		d += rand.N(d) - d/2
	}
	return d
}

// halt stops what runs of the tasks that somebody stopped, also if its launch was
// under way then. A task that a later poll offers was started again.
func (l *loop) halt(ctx context.Context) {
	for id := range l.s.wakes.halted {
		if slices.ContainsFunc(l.offered, func(t contract.OfferedTask) bool { return t.ID == id }) {
			delete(l.s.wakes.halted, id)
			continue
		}
		e := l.running[id]
		switch {
		case e == nil && !l.starting[id]:
			delete(l.s.wakes.halted, id)
		case e != nil && !e.gone.Swap(true):
			l.s.log.Info("the task was stopped at the cloud; stopping its client side", "task_id", id)
			l.work.Go(func() { l.s.stop(ctx, e.proc) })
		}
	}
}
