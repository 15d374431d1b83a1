package failover

import (
	"errors"
	"regexp"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

// call is one that was made: from when to when, and how it ended.
type call struct {
	id         string
	began, end time.Time
	err        error
}

// ledger holds what was asked for and what happened.
type ledger struct {
	mu        sync.Mutex
	calls     []call
	effects   map[string]int
	confirmed map[string]bool // events that the broker took
	lastTook  time.Time       // when the newest batch of these was sent
	read      map[string]int  // events that were there
	unread    int             // of the confirmed ones
}

func newLedger() *ledger {
	return &ledger{effects: make(map[string]int), confirmed: make(map[string]bool), read: make(map[string]int)}
}

func (l *ledger) ended(c call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

func (l *ledger) effect(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.effects[id]++
}

func (l *ledger) took(ids []string, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastTook = sent
	for _, id := range ids {
		if !l.confirmed[id] && l.read[id] == 0 {
			l.unread++
		}
		l.confirmed[id] = true
	}
}

func (l *ledger) found(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.confirmed[id] && l.read[id] == 0 {
		l.unread--
	}
	l.read[id]++
}

// missing counts confirmed events that were not found.
func (l *ledger) missing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unread
}

// tookSince tells whether events that were sent after a moment were taken.
func (l *ledger) tookSince(after time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastTook.After(after)
}

// firstGood is when the first call that began after a moment ended well.
func (l *ledger) firstGood(after time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first time.Time
	for _, c := range l.calls {
		if c.err == nil && c.began.After(after) && (first.IsZero() || c.end.Before(first)) {
			first = c.end
		}
	}
	return first, !first.IsZero()
}

// Counts is what a load came to. Lost and Twice, and EventsLost, must be none.
type Counts struct {
	Calls       int `json:"calls"`
	Good        int `json:"good"`
	Refused     int `json:"refused"`      // failed, and had no effect
	Unknown     int `json:"unknown"`      // failed, and the error says that the outcome is unknown
	UnknownDone int `json:"unknown_done"` // of these took effect
	Denied      int `json:"denied"`       // the error says that it was not sent, and it took effect
	Lost        int `json:"lost"`         // answered well without an effect
	Twice       int `json:"twice"`        // had their effect more than once
	Events      int `json:"events"`       // confirmed by the broker
	EventsLost  int `json:"events_lost"`  // of these were not on the queue
	EventsAgain int `json:"events_again"` // came more than once
	// Errors counts failed calls by their text, without the numbers in it.
	Errors map[string]int `json:"errors,omitempty"`
}

func (l *ledger) counts() (n Counts) {
	n.Errors = make(map[string]int)
	numbers := regexp.MustCompile(`[0-9]+`)
	l.mu.Lock()
	for _, c := range l.calls {
		n.Calls++
		if c.err != nil {
			n.Errors[numbers.ReplaceAllString(c.err.Error(), "#")]++
		}
		done := l.effects[c.id]
		lost, isLost := errors.AsType[*rpc.LostError](c.err)
		switch {
		case c.err == nil:
			n.Good++
			if done == 0 {
				n.Lost++
			}
		case isLost && !lost.Sent && done > 0:
			n.Denied++
		case done == 0:
			n.Refused++
		default:
			n.UnknownDone++
		}
		if c.err != nil && !(isLost && !lost.Sent) {
			n.Unknown++
		}
		if done > 1 {
			n.Twice++
		}
	}
	n.Events = len(l.confirmed)
	for _, times := range l.read {
		if times > 1 {
			n.EventsAgain++
		}
	}
	l.mu.Unlock()
	n.EventsLost = l.missing()
	return n
}

// gap is the longest time in which no call ended well.
func (l *ledger) gap() (longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last time.Time
	for _, c := range l.calls { // in the order of their ends
		if c.err != nil {
			continue
		}
		if !last.IsZero() {
			longest = max(longest, c.end.Sub(last))
		}
		last = c.end
	}
	return longest
}
