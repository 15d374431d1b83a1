package amqpx

import (
	"sync"

	"github.com/agata-fl/agata/pkg/rpc"
)

// alarm is whether the broker takes messages on a session. A broker that is short
// of memory or disk reads nothing more from who publishes, and says so.
type alarm struct {
	mu     sync.Mutex
	active bool
	raised chan struct{} // closed while it is active
}

func (a *alarm) set(active bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if active == a.active {
		return
	}
	if a.active = active; !active {
		a.raised = nil
		return
	}
	if a.raised == nil {
		a.raised = make(chan struct{})
	}
	close(a.raised)
}

// on gives a channel that is closed when the broker stops taking messages, and
// already is if it takes none now.
func (a *alarm) on() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.raised == nil {
		a.raised = make(chan struct{})
	}
	return a.raised
}

// refuses is the error for who would publish on the session; nil if he may.
func (t *Transport) refuses(s *session) error {
	select {
	case <-s.alarm.on():
		return rpc.Errorf(rpc.Unavailable, "the broker at %s takes no messages now (memory or disk alarm)", t.nodes)
	default:
		return nil
	}
}
