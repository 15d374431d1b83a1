package access

import (
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxKnown bounds how many credentials are remembered.
	maxKnown = 32_768
	// trust is how long what is remembered holds without a look at the revision.
	trust = time.Second
)

// holder is who holds a token. Times are unix milliseconds.
type holder struct {
	identity rpc.Identity
	endsMS   int64 // 0: never
	usedMS   int64 // of a session; 0: it does not end by being idle
}

// known remembers holders, so that clients that ask all the time cost no look
// into the file.
type known struct {
	checking sync.Mutex // held by the one that looks at the revision

	mu       sync.Mutex
	byKey    *lru[digest, holder]
	forgot   uint64 // how often everything was forgotten
	revision int64
	checked  time.Time
}

func newKnown() *known { return &known{byKey: newLRU[digest, holder](maxKnown)} }

// get also tells as of when, for put.
func (k *known) get(key digest) (h holder, at uint64, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, found = k.byKey.get(key)
	return h, k.forgot, found
}

// put remembers what was read, unless something was revoked meanwhile.
func (k *known) put(key digest, h holder, at uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.forgot == at {
		k.byKey.put(key, h)
	}
}

// touch tells whether a session's use is to be stored, as the last stored one is
// older than a time; the use then counts as stored.
func (k *known) touch(key digest, nowMS int64, older time.Duration) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, found := k.byKey.get(key)
	if !found || nowMS-h.usedMS < older.Milliseconds() {
		return false
	}
	h.usedMS = nowMS
	k.byKey.put(key, h)
	return true
}

func (k *known) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byKey.clear()
	k.forgot++
}

func (k *known) fresh(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := now.Sub(k.checked)
	return age >= 0 && age < trust
}

// refresh looks at the revision, when the last look was a while ago.
func (k *known) refresh(now time.Time, read func() (int64, error)) error {
	if k.fresh(now) {
		return nil
	}
	k.checking.Lock()
	defer k.checking.Unlock()
	if k.fresh(now) {
		return nil
	}
	revision, err := read()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if revision != k.revision {
		k.byKey.clear()
		k.forgot++
	}
	k.revision, k.checked = revision, now
	return nil
}
