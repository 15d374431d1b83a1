package control

import (
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/supervise/policy"
)

// Quarantine is what a client holds back: that of package policy with the rules
// of a client. It is safe for concurrent use, since launches and watches count
// failures as they see them.
type Quarantine struct {
	mu sync.Mutex
	q  *policy.Quarantine
}

// NewQuarantine begins with the entries of an earlier one. A version that failed
// by its own fault is held for codeFor (0: until it is released or replaced);
// what failed more than attempts times for want of something else, for no longer
// than the longest back-off, since a server may come back any time.
func NewQuarantine(codeFor time.Duration, attempts int, entries []policy.Entry) *Quarantine {
	rules := policy.DefaultRules()
	rules.CodeFor, rules.After, rules.For = codeFor, attempts+1, restarts().MaxDelay
	return &Quarantine{q: policy.NewQuarantine(rules, entries)}
}

// restarts is how failures of the infrastructure are answered: without end, since
// the quarantine bounds them.
func restarts() policy.Restart {
	r := policy.DefaultRestart()
	r.Attempts = -1
	return r
}

// Fail counts a failure and tells whether the version is held now.
func (q *Quarantine) Fail(now time.Time, key policy.Key, reason policy.Reason) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.q.Fail(now, key, reason).Held
}

// Succeed forgets the failures of a version, and tells whether there were any.
func (q *Quarantine) Succeed(now time.Time, key policy.Key) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.q.Entries(now) {
		if e.Key == key {
			q.q.Succeed(key)
			return true
		}
	}
	return false
}

// Holds tells whether this very version is held.
func (q *Quarantine) Holds(now time.Time, key policy.Key) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, held := q.q.Held(now, key)
	return held
}

// Entries lists what is held or counted.
func (q *Quarantine) Entries(now time.Time) []policy.Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.q.Entries(now)
}

// Release forgets all versions of a task and returns how many were held.
func (q *Quarantine) Release(task string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.q.Release(task)
}

// tasks are those of which some version is held.
func (q *Quarantine) tasks(now time.Time) map[string]bool {
	var held map[string]bool
	for _, e := range q.Entries(now) {
		if e.Held {
			if held == nil {
				held = map[string]bool{}
			}
			held[e.Task] = true
		}
	}
	return held
}
