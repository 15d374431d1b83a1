package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/contract"
)

// maxEvents bounds what a collector holds.
const maxEvents = 1_000_000

// Source is a broker whose events are read.
type Source interface {
	Subscribe(ctx context.Context, queue string, fn func(body []byte) error) error
}

// Collector gathers events. It takes them off the brokers' queues, so one
// collector serves a broker.
type Collector struct {
	log *slog.Logger

	mu      sync.Mutex
	seen    map[contract.Event]bool // a republished event comes again
	events  []contract.Event
	changed chan struct{} // closed when an event came
}

// NewCollector makes a collector; nil means a silent one.
func NewCollector(log *slog.Logger) *Collector {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Collector{log: log, seen: map[contract.Event]bool{}, changed: make(chan struct{})}
}

// Run reads the sources until ctx ends.
func (c *Collector) Run(ctx context.Context, sources ...Source) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range sources {
		g.Go(func() error { return s.Subscribe(ctx, contract.EventsQueue, c.take) })
	}
	return g.Wait()
}

// take stores one event. What is no event is logged and dropped: it would come
// again for ever.
func (c *Collector) take(body []byte) error {
	var e contract.Event
	if err := json.Unmarshal(body, &e); err != nil {
		c.log.Warn("a message on the queue of events is no event", "body", string(body), "err", err)
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[e] || len(c.events) >= maxEvents {
		return nil
	}
	c.seen[e] = true
	c.events = append(c.events, e)
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// Events returns what was gathered so far, sorted by time.
func (c *Collector) Events() []contract.Event {
	c.mu.Lock()
	events := slices.Clone(c.events)
	c.mu.Unlock()
	Sort(events)
	return events
}

// Wait waits until n events match, and returns the nth.
func (c *Collector) Wait(ctx context.Context, n int, match func(contract.Event) bool) (contract.Event, error) {
	for {
		c.mu.Lock()
		changed, found := c.changed, 0
		for _, e := range c.events {
			if match(e) {
				if found++; found == n {
					c.mu.Unlock()
					return e, nil
				}
			}
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return contract.Event{}, fmt.Errorf("only %d of %d awaited events came: %w", found, n, context.Cause(ctx))
		}
	}
}

// Text matches events by their text.
func Text(text string) func(contract.Event) bool {
	return func(e contract.Event) bool { return e.Event == text }
}

// Sort orders events by time; those of one moment keep their order.
func Sort(events []contract.Event) {
	slices.SortStableFunc(events, func(a, b contract.Event) int { return cmp.Compare(a.Time, b.Time) })
}

// WriteFile writes events as one JSON array, one event a line.
func WriteFile(path string, events []contract.Event) error {
	b := []byte("[\n")
	for i, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode an event: %w", err)
		}
		b = append(append(b, '\t'), line...)
		if i < len(events)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	b = append(b, "]\n"...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// ReadFile reads what WriteFile, or a reader of the older platform, wrote.
func ReadFile(path string) ([]contract.Event, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var events []contract.Event
	if err := json.Unmarshal(b, &events); err != nil {
		return nil, fmt.Errorf("%s is not a JSON array of events: %w", path, err)
	}
	Sort(events)
	return events, nil
}
