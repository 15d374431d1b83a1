package clienttaskmanager

import (
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/supervise/policy"
)

// quarantine is control's, kept on disk.
type quarantine struct {
	*control.Quarantine
	path string
	log  *slog.Logger

	mu sync.Mutex // one save at a time, the newest last
}

// openQuarantine reads what is held.
func openQuarantine(opt Options, log *slog.Logger) (*quarantine, error) {
	path := filepath.Join(opt.Data, "quarantine.json")
	entries, err := policy.Load(path)
	if err != nil {
		return nil, err
	}
	return &quarantine{Quarantine: control.NewQuarantine(opt.QuarantineFor, opt.RestartAttempts, entries), path: path, log: log}, nil
}

// fail counts a failure and tells whether the version is held now.
func (q *quarantine) fail(key policy.Key, reason policy.Reason) bool {
	held := q.Fail(time.Now(), key, reason)
	q.save()
	return held
}

func (q *quarantine) succeed(key policy.Key) {
	if q.Succeed(time.Now(), key) {
		q.save()
	}
}

// holds tells whether this very version is held.
func (q *quarantine) holds(key policy.Key) bool { return q.Holds(time.Now(), key) }

func (q *quarantine) entries() []policy.Entry { return q.Entries(time.Now()) }

func (q *quarantine) release(task string) int {
	n := q.Release(task)
	q.save()
	return n
}

// save keeps the quarantine over restarts. One that cannot be saved still holds
// in this process.
func (q *quarantine) save() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := policy.Save(q.path, q.entries()); err != nil {
		q.log.Error("the quarantine is not on disk: a restart would forget it", "err", err)
	}
}
