package clienttaskmanager

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/pkg/contract"
)

// maxWakes bounds the tasks that are remembered between two turns of the loop.
const maxWakes = 1000

// wakes are what the cloud has told since the loop looked last. Only the latest
// of a task counts.
type wakes struct {
	due chan struct{} // has room for one: there is something

	mu sync.Mutex
	news
}

// news is what is taken of wakes at once.
type news struct {
	ask    bool                            // the cloud is to be asked
	change map[string]contract.WakeRequest // by task
	after  time.Time                       // when the cloud wants to be asked again; zero: it did not say
}

func newWakes() wakes {
	return wakes{due: make(chan struct{}, 1), news: news{change: map[string]contract.WakeRequest{}}}
}

// wake answers at once: what it leads to is the loop's.
func (s *Service) wake(_ context.Context, req contract.WakeRequest) (contract.None, error) {
	s.wakes.put(req)
	return contract.None{}, nil
}

func (w *wakes) put(req contract.WakeRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if req.PollAfter > 0 {
		w.after = time.Now().Add(time.Duration(req.PollAfter * float64(time.Second)))
	} else {
		w.ask = w.ask || req.Change != contract.ChangeStopped
		if _, known := w.change[req.TaskID]; req.TaskID != "" && (known || len(w.change) < maxWakes) {
			w.change[req.TaskID] = req
		}
	}
	select {
	case w.due <- struct{}{}:
	default:
	}
}

// take returns what was put since.
func (w *wakes) take() news {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.news
	w.news = news{change: map[string]contract.WakeRequest{}}
	return n
}

// woken passes on what the cloud told. A stop is obeyed as it stands, without a
// poll: the end of the process leads to one. All else is a poll.
func (l *loop) woken() (actions []control.Action) {
	n, now := l.s.wakes.take(), time.Now()
	if !n.after.IsZero() {
		l.client.Busy(now, n.after)
	}
	for _, id := range slices.Sorted(maps.Keys(n.change)) {
		if c := n.change[id]; c.Change == contract.ChangeStopped {
			actions = append(actions, l.client.Halted(id, c.Execution, when(c.At, now))...)
		} else {
			l.client.Changed(id)
		}
	}
	if n.ask {
		actions = append(actions, l.client.Woken(now)...)
	}
	return actions
}

// when is a moment of a caller's on this machine, in Unix seconds; 0: now.
func when(seconds float64, now time.Time) time.Time {
	if seconds == 0 {
		return now
	}
	return time.UnixMicro(int64(seconds * 1e6))
}
