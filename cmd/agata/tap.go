package main

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
)

// tap sees the events on their way into the collector.
type tap struct {
	came chan struct{} // an event came
	show func(contract.Event)

	mu   sync.Mutex
	seen map[contract.Event]bool // those that came again are shown once
}

// tapped is a source with a tap.
type tapped struct {
	timeline.Source
	tap *tap
}

// Subscribe implements [timeline.Source].
func (s tapped) Subscribe(ctx context.Context, queue string, fn func([]byte) error) error {
	return s.Source.Subscribe(ctx, queue, func(body []byte) error {
		if err := fn(body); err != nil {
			return err
		}
		s.tap.take(body)
		return nil
	})
}

func (t *tap) take(body []byte) {
	select {
	case t.came <- struct{}{}:
	default: // it is known already
	}
	if t.show == nil {
		return
	}
	var e contract.Event
	if json.Unmarshal(body, &e) != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.seen[e] {
		t.seen[e] = true
		t.show(e)
	}
}
