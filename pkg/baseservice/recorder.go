package baseservice

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxWaiting bounds the events that wait for the broker; past it the oldest
	// are dropped and counted.
	maxWaiting = 10_000
	// flushTime bounds the last attempt to deliver when a service stops.
	flushTime = 2 * time.Second
)

// RecorderOptions of a [Recorder].
type RecorderOptions struct {
	Publisher  rpc.Publisher
	Service    string // the service's name on the timeline
	Enabled    bool
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Recorder puts events on the timeline, beside the work that they tell of: it
// never waits for the broker. While the broker is away events wait in memory.
type Recorder struct {
	opt     RecorderOptions
	dropped prometheus.Counter
	wake    chan struct{}

	mu      sync.Mutex
	waiting [][]byte
}

// NewRecorder makes a recorder; [Recorder.Run] delivers.
func NewRecorder(opt RecorderOptions) *Recorder {
	r := &Recorder{opt: opt, wake: make(chan struct{}, 1)}
	r.dropped = prometheus.NewCounter(prometheus.CounterOpts{Name: "agata_events_dropped_total",
		Help: "Events given up because too many waited for the broker.", ConstLabels: prometheus.Labels{"service": opt.Service}})
	if opt.Registerer != nil {
		opt.Registerer.MustRegister(r.dropped)
	}
	return r
}

// Record puts an event of this moment on the timeline.
func (r *Recorder) Record(function, text string) {
	if !r.opt.Enabled {
		return
	}
	r.Forward(contract.Event{Time: float64(time.Now().UnixNano()) / 1e9, Service: r.opt.Service, Function: function, Event: text})
}

// Forward puts another's event on the timeline, with its own time and service.
func (r *Recorder) Forward(e contract.Event) {
	if !r.opt.Enabled {
		return
	}
	body, err := json.Marshal(e)
	if err != nil {
		r.opt.Logger.Warn("an event could not be encoded", "function", e.Function, "err", err)
		return
	}
	r.mu.Lock()
	if len(r.waiting) >= maxWaiting {
		r.waiting = r.waiting[1:]
		r.dropped.Inc()
	}
	r.waiting = append(r.waiting, body)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and then what is left, within a bound.
func (r *Recorder) Run(ctx context.Context) error {
	if !r.opt.Enabled {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-r.wake:
			r.deliver(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
			defer cancel()
			r.deliver(last)
			return nil
		}
	}
}

// publish outlasts a stop by the flush time: an attempt that were cut off would
// be made again, and its events come twice.
func (r *Recorder) publish(ctx context.Context, bodies [][]byte) error {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(flushTime, cancel) })
	defer stop()
	return r.opt.Publisher.Publish(own, contract.EventsQueue, bodies...)
}

// deliver publishes what waits, again and again while the broker is away. A
// batch whose fate is unknown goes out again: an event may come twice, and is
// known by its time, service and text.
func (r *Recorder) deliver(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		bodies := r.waiting
		r.waiting = nil
		r.mu.Unlock()
		if len(bodies) == 0 {
			return
		}
		err := r.publish(ctx, bodies)
		if err == nil {
			continue
		}
		r.mu.Lock()
		r.waiting = append(bodies, r.waiting...)
		if over := len(r.waiting) - maxWaiting; over > 0 {
			r.waiting = r.waiting[over:]
			r.dropped.Add(float64(over))
		}
		r.mu.Unlock()
		r.opt.Logger.Debug("events wait for the broker", "waiting", len(bodies), "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
