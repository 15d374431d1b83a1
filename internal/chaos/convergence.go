package chaos

import (
	"context"
	"time"
)

// convergence notes when all is right.
func (t *trial) convergence(ctx context.Context) {
	for ctx.Err() == nil {
		asked := time.Now()
		if t.right(ctx) == nil {
			t.mu.Lock()
			for _, f := range t.faults {
				if f.right.IsZero() && !f.over.IsZero() && f.over.Before(asked) {
					f.right = time.Now()
				}
			}
			t.mu.Unlock()
		}
		sleep(ctx, sampleEvery)
	}
}

// awaitRight waits until all is right.
func (t *trial) awaitRight(ctx context.Context, since string) bool {
	began := time.Now()
	for {
		asked := time.Now()
		err := t.right(ctx)
		if err == nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			for _, f := range t.faults {
				if f.right.IsZero() && f.over.Before(asked) {
					f.right = time.Now()
				}
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		t.wrong = err.Error()
		if time.Since(began) > t.bound {
			t.violate(Converges, "%s after %s: %v", t.bound, since, err)
			return false
		}
		sleep(ctx, sampleEvery)
	}
}
