package cloudtaskmanager

import (
	"context"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

// freshTime bounds how long a client's request waits for the last changes.
const freshTime = 2 * time.Second

// fresh waits until this manager has taken in every change that was committed when
// it was called: a client that was woken by one is not answered from before it.
func (s *Service) fresh(ctx context.Context) error {
	if s.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, freshTime)
	defer cancel()
	head, err := s.shared.head.ask(ctx, s.store.head)
	if err != nil {
		return rpc.Errorf(rpc.Unavailable, "look for the last changes of tasks: %w", err)
	}
	for {
		seq, moved := s.shared.tail.at()
		if seq >= head {
			return nil
		}
		s.shared.tail.wake()
		select {
		case <-moved:
		case <-ctx.Done():
			return rpc.Errorf(rpc.Unavailable, "the last changes of tasks were not read in time: %w", context.Cause(ctx))
		}
	}
}

// head asks for the last change for all who want to know at once: who comes while
// it is being asked for shares the next question.
type head struct {
	turn chan struct{} // has room for one: who asks
	mu   sync.Mutex
	next *question
}

type question struct {
	done chan struct{} // closed when the rest is set
	seq  int64
	err  error
}

func (h *head) ask(ctx context.Context, read func(context.Context) (int64, error)) (int64, error) {
	h.mu.Lock()
	q, first := h.next, h.next == nil
	if first {
		q = &question{done: make(chan struct{})}
		h.next = q
	}
	h.mu.Unlock()
	if first {
		h.answer(ctx, q, read)
	}
	select {
	case <-q.done:
		return q.seq, q.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// answer asks for the others too, whether or not the one who came first still waits.
func (h *head) answer(ctx context.Context, q *question, read func(context.Context) (int64, error)) {
	h.turn <- struct{}{}
	defer func() { <-h.turn }()
	h.mu.Lock()
	h.next = nil
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freshTime)
	defer cancel()
	q.seq, q.err = read(ctx)
	close(q.done)
}
