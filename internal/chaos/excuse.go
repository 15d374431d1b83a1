package chaos

import (
	"slices"
	"time"
)

// What the design states as losable is forgiven, and counted: what sat in the
// memory of an embedded broker when it was killed. What a service has to tell waits
// on the disk: nothing of that is forgiven.

// lossSlack is how long before a loss a process may have ended, or after it, so
// that the word of it was among what was lost: its manager takes a moment to
// notice.
const lossSlack = 1500 * time.Millisecond

// lost notes that what a broker had in memory is gone.
func (s *System) lost(name string) {
	if !isBroker(name) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.losses == nil {
		s.losses = map[string][]time.Time{}
	}
	s.losses[name] = append(s.losses[name], time.Now())
}

// lostSince tells whether something of a place was lost at a time or later, on its
// way to the history.
func (s *System) lostSince(client string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	broker := cloudBroker
	if client != "" {
		broker = client + "-broker"
	}
	return slices.ContainsFunc(s.losses[broker], func(l time.Time) bool { return l.Add(lossSlack).After(at) })
}

// excusedEnd tells whether the word that an execution ended may be lost.
func (t *trial) excusedEnd(execution, client string) bool {
	t.mu.Lock()
	last, known := t.lastLive[execution]
	t.mu.Unlock()
	return !known || t.s.lostSince(client, last.at)
}

// excusedStart tells whether the word that an execution began may be lost.
func (t *trial) excusedStart(execution string) bool {
	t.mu.Lock()
	first, known := t.firstLive[execution]
	t.mu.Unlock()
	return known && t.s.lostSince(first.place, first.at)
}

// excusedState tells whether the last word of what a client does may be lost.
func (t *trial) excusedState(client string) bool {
	t.mu.Lock()
	at := t.changed[client]
	t.mu.Unlock()
	return t.s.lostSince(client, at)
}

// glimpse is when and where an execution was seen.
type glimpse struct {
	at    time.Time
	place string
	task  string
}

// notice remembers what was seen alive.
func (t *trial) notice(live []Live, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := map[string]bool{}
	for _, l := range live {
		place := t.eyes.place(l)
		now[l.Execution] = true
		if _, known := t.firstLive[l.Execution]; !known {
			t.firstLive[l.Execution] = glimpse{at, place, l.Task}
			t.changed[place] = at
		}
		t.lastLive[l.Execution] = glimpse{at, place, l.Task}
	}
	for x := range t.alive {
		if !now[x] {
			t.changed[t.lastLive[x].place] = at
		}
	}
	t.alive = now
}
