package cloudtaskmanager

import (
	"context"
	"sync"

	"github.com/agata-fl/agata/pkg/rpc"
)

// keyLock lets those who work on one task take turns. A key costs memory only
// while somebody holds or awaits it.
type keyLock struct {
	mu   sync.Mutex
	held map[string]*turn
}

type turn struct {
	token chan struct{} // holds one token while the key is free
	users int
}

// lock waits for its turn as long as ctx allows. unlock must be called once.
func (l *keyLock) lock(ctx context.Context, key string) (unlock func(), err error) {
	l.mu.Lock()
	t := l.held[key]
	if t == nil {
		if l.held == nil {
			l.held = map[string]*turn{}
		}
		t = &turn{token: make(chan struct{}, 1)}
		t.token <- struct{}{}
		l.held[key] = t
	}
	t.users++
	l.mu.Unlock()
	select {
	case <-t.token:
		return func() {
			t.token <- struct{}{}
			l.leave(key, t)
		}, nil
	case <-ctx.Done():
		l.leave(key, t)
		return nil, rpc.Errorf(rpc.Deadline, "task %s is being started or stopped by another call: %w", key, context.Cause(ctx))
	}
}

func (l *keyLock) leave(key string, t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(l.held, key)
	}
}
