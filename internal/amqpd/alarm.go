package amqpd

import (
	"sync"
	"sync/atomic"
)

// alarm watches how much the queues hold. While it is raised, connections that
// publish are told so (connection.blocked) and not read from.
type alarm struct {
	limit    int64
	bytes    atomic.Int64
	messages atomic.Int64
	raised   atomic.Bool

	mu     sync.Mutex
	full   bool
	forced string        // a reason set by a fault
	lifted chan struct{} // closed when the alarm ends; nil while it is not raised
	notify func()        // called on every change
}

// held adds to, or takes from, what is held.
func (a *alarm) held(bytes, messages int64) {
	n := a.bytes.Add(bytes)
	a.messages.Add(messages)
	// Look twice before taking the lock; the gap between the two bounds keeps the
	// alarm from flickering.
	if bytes > 0 && n > a.limit && !a.raised.Load() || bytes < 0 && n <= a.limit/8*7 && a.raised.Load() {
		a.update(func() { a.full = a.bytes.Load() > a.limit })
	}
}

// force raises the alarm for a reason of the caller's; "" ends that.
func (a *alarm) force(reason string) { a.update(func() { a.forced = reason }) }

func (a *alarm) update(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	a.apply()
	// Whoever made room while the alarm went up may have looked just before.
	if a.full && a.bytes.Load() <= a.limit/8*7 {
		a.full = false
		a.apply()
	}
}

// apply raises or lifts the alarm. mu is held.
func (a *alarm) apply() {
	reason := a.forced
	if reason == "" && a.full {
		reason = "low on memory"
	}
	if now := reason != ""; now != a.raised.Load() {
		a.raised.Store(now)
		if now {
			a.lifted = make(chan struct{})
		} else {
			close(a.lifted)
			a.lifted = nil
		}
		a.notify()
	}
}

// wait gives a channel that is closed when the alarm ends, and the reason for
// it; nil if it is not raised.
func (a *alarm) wait() (lifted <-chan struct{}, reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reason = a.forced
	if reason == "" {
		reason = "low on memory"
	}
	return a.lifted, reason
}
