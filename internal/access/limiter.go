package access

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter bounds how often each of many keys, such as addresses, may do something.
// It remembers a bounded number of them, those that came last. It is safe for
// concurrent use.
type Limiter struct {
	every rate.Limit
	burst int
	now   func() time.Time

	mu    sync.Mutex
	byKey *lru[string, *rate.Limiter]
}

// NewLimiter makes one: perSecond times a second each key, burst times at once;
// keys is how many are remembered. now is the time; time.Now if nil.
func NewLimiter(perSecond float64, burst, keys int, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{every: rate.Limit(perSecond), burst: burst, now: now, byKey: newLRU[string, *rate.Limiter](keys)}
}

// Allow counts an attempt of each of the keys, and tells whether all of them may
// make it; if not, nothing is counted, and wait tells when they may.
func (l *Limiter) Allow(keys ...string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	taken := make([]*rate.Reservation, 0, len(keys))
	for _, key := range keys {
		bucket, found := l.byKey.get(key)
		if !found {
			bucket = rate.NewLimiter(l.every, l.burst)
			l.byKey.put(key, bucket)
		}
		r := bucket.ReserveN(now, 1)
		taken = append(taken, r)
		wait = max(wait, r.DelayFrom(now))
	}
	if wait == 0 {
		return 0, true
	}
	for _, r := range taken {
		r.CancelAt(now)
	}
	return wait, false
}
