package baseservice

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxWaiting bounds the messages that wait for the broker; past it the oldest
	// are dropped and counted.
	maxWaiting = 10_000
	// flushTime bounds the last attempt to deliver when a service stops.
	flushTime = time.Second
)

// outbox holds messages for one queue and publishes them beside the work that
// they tell of: putting one in never waits. While the broker is away they wait
// in memory.
type outbox struct {
	publisher rpc.Publisher
	queue     string
	log       *slog.Logger
	dropped   prometheus.Counter
	wake      chan struct{}

	mu      sync.Mutex
	waiting [][]byte
}

func newOutbox(p rpc.Publisher, queue string, log *slog.Logger, dropped prometheus.Counter) *outbox {
	return &outbox{publisher: p, queue: queue, log: log, dropped: dropped, wake: make(chan struct{}, 1)}
}

func (o *outbox) put(body []byte) {
	o.mu.Lock()
	o.waiting = append(o.waiting, body)
	o.bound()
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// bound drops the oldest beyond the bound. mu is held.
func (o *outbox) bound() {
	if over := len(o.waiting) - maxWaiting; over > 0 {
		o.waiting = o.waiting[over:]
		o.dropped.Add(float64(over))
	}
}

// run delivers until ctx ends, and then what is left, within a bound.
func (o *outbox) run(ctx context.Context) {
	// A batch under way when the stop comes is given the flush time as well: cut
	// off, it would go out again, and its messages come twice.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stopped := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(flushTime):
			end()
		case <-life.Done():
		}
	})
	defer stopped()
	for ctx.Err() == nil {
		select {
		case <-o.wake:
			o.deliver(life, ctx.Done())
		case <-ctx.Done():
		}
	}
	o.deliver(life, nil)
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.waiting); n > 0 {
		o.dropped.Add(float64(n))
		o.log.Warn("messages are given up: the broker did not take them before the stop", "queue", o.queue, "messages", n)
	}
}

// deliver publishes what waits, again and again while the broker is away, until
// ctx ends or stop is closed. A batch whose fate is unknown goes out again.
func (o *outbox) deliver(ctx context.Context, stop <-chan struct{}) {
	for ctx.Err() == nil {
		o.mu.Lock()
		bodies := o.waiting
		o.waiting = nil
		o.mu.Unlock()
		if len(bodies) == 0 {
			return
		}
		err := o.publisher.Publish(ctx, o.queue, bodies...)
		if err == nil {
			continue
		}
		o.mu.Lock()
		o.waiting = append(bodies, o.waiting...)
		o.bound()
		o.mu.Unlock()
		o.log.Debug("messages wait for the broker", "queue", o.queue, "waiting", len(bodies), "err", err)
		select {
		case <-stop:
			return
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
