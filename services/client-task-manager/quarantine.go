package clienttaskmanager

import (
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/supervise/policy"
)

// quarantine is the policy's, shared by several goroutines and kept on disk.
type quarantine struct {
	path string
	log  *slog.Logger

	mu sync.Mutex
	q  *policy.Quarantine
}

// openQuarantine reads what is held. The infrastructure's failures are held for
// no longer than the longest back-off: a server may come back any time.
func openQuarantine(opt Options, log *slog.Logger) (*quarantine, error) {
	rules := policy.DefaultRules()
	rules.CodeFor, rules.After, rules.For = opt.QuarantineFor, opt.RestartAttempts+1, restartPolicy().MaxDelay
	path := filepath.Join(opt.Data, "quarantine.json")
	entries, err := policy.Load(path)
	if err != nil {
		return nil, err
	}
	return &quarantine{path: path, log: log, q: policy.NewQuarantine(rules, rules.Within(time.Now(), entries))}, nil
}

// restartPolicy is how failures of the infrastructure are answered: without
// end, since the quarantine bounds them.
func restartPolicy() policy.Restart {
	r := policy.DefaultRestart()
	r.Attempts = -1
	return r
}

// fail counts a failure and tells whether the version is held now.
func (q *quarantine) fail(key policy.Key, reason policy.Reason) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.q.Fail(time.Now(), key, reason)
	q.save()
	return e.Held
}

func (q *quarantine) succeed(key policy.Key) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, known := q.find(key); known {
		q.q.Succeed(key)
		q.save()
	}
}

// holds tells whether this very version is held.
func (q *quarantine) holds(key policy.Key) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, held := q.q.Held(time.Now(), key)
	return held
}

// tasks are those of which some version is held.
func (q *quarantine) tasks() map[string]bool {
	held := map[string]bool{}
	for _, e := range q.entries() {
		if e.Held {
			held[e.Task] = true
		}
	}
	return held
}

func (q *quarantine) entries() []policy.Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.q.Entries(time.Now())
}

func (q *quarantine) release(task string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.q.Release(task)
	q.save()
	return n
}

func (q *quarantine) find(key policy.Key) (policy.Entry, bool) {
	for _, e := range q.q.Entries(time.Now()) {
		if e.Key == key {
			return e, true
		}
	}
	return policy.Entry{}, false
}

// save keeps the quarantine over restarts. One that cannot be saved still holds
// in this process.
func (q *quarantine) save() {
	if err := policy.Save(q.path, q.q.Entries(time.Now())); err != nil {
		q.log.Error("the quarantine is not on disk: a restart would forget it", "err", err)
	}
}
