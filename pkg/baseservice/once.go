package baseservice

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// rememberFor is how long a call's answer is kept for its repetitions.
	rememberFor = 10 * time.Minute
	// maxRemembered bounds the answers that are kept; the oldest go first.
	maxRemembered = 10_000
)

// answers remembers what became of calls, by message id. A broker brings a call
// again when the connection broke before its acknowledgement, and the effect
// must not happen twice. It lasts as long as the service's process; see [Memory]
// for what lasts longer.
type answers struct {
	mu    sync.Mutex
	byID  map[string]*answer
	order []*answer // by age
}

type answer struct {
	id    string
	since time.Time
	done  chan struct{} // closed when the fields below are set
	value json.RawMessage
	err   error
}

// once gives a repeated call the answer of the first one, which may still be
// under way: from the process's own memory, or else from that of the function.
func (s *Service) once(f *function) Middleware {
	return func(next Next) Next {
		if f.idempotent && f.memory == nil {
			return next
		}
		if f.memory != nil {
			next = s.recalled(f, next)
		}
		return func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
			if m.MessageID == "" {
				return next(ctx, m)
			}
			a, first := s.answers.enter(f.name+" "+m.MessageID, time.Now())
			if first {
				// A panic must not leave the repetitions waiting.
				a.err = rpc.Errorf(rpc.Internal, "%s failed by a defect of the service; its log has the details", f.name)
				defer close(a.done)
				a.value, a.err = next(ctx, m)
				return a.value, a.err
			}
			select {
			case <-a.done:
				return a.value, a.err
			case <-ctx.Done():
				return nil, rpc.Errorf(rpc.Deadline, "the first delivery of this call of %s is still under way: %w", f.name, ctx.Err())
			}
		}
	}
}

// recalled asks the function's memory before the function.
func (s *Service) recalled(f *function, next Next) Next {
	return func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
		if m.MessageID == "" {
			return next(ctx, m)
		}
		call := Call{Function: f.name, MessageID: m.MessageID}
		reply, found, err := f.memory.Recall(ctx, call)
		if err != nil {
			return nil, rpc.Errorf(rpc.Unavailable, "look whether this call of %s was made already: %w", f.name, err)
		}
		if found {
			s.log.Info("a call that took effect came again", "fn", f.name, "message_id", m.MessageID, "redelivered", m.Redelivered)
			for _, tell := range f.again {
				tell(ctx, m)
			}
			return reply, nil
		}
		u := &underway{Call: call}
		value, err := next(context.WithValue(ctx, callKey{}, u), m)
		if err == nil || u.took.Load() {
			return value, err
		}
		// Two replicas may have been given the same call: the broker brings it to
		// another when the first one's connection breaks, which goes on with it.
		if reply, found, _ := f.memory.Recall(ctx, call); found {
			s.log.Info("a call took effect in another replica", "fn", f.name, "message_id", m.MessageID, "failed_here", err)
			return reply, nil
		}
		return value, err
	}
}

// enter returns a call's answer, and whether the caller is the one to give it.
func (t *answers) enter(id string, now time.Time) (a *answer, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.order) > 0 && (len(t.order) >= maxRemembered || now.Sub(t.order[0].since) > rememberFor) {
		delete(t.byID, t.order[0].id)
		t.order = t.order[1:]
	}
	if a = t.byID[id]; a != nil {
		return a, false
	}
	a = &answer{id: id, since: now, done: make(chan struct{})}
	if t.byID == nil {
		t.byID = make(map[string]*answer)
	}
	t.byID[id] = a
	t.order = append(t.order, a)
	return a, true
}
