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
	flushTime = time.Second
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
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
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
	// A batch under way when the stop comes is given the flush time as well: cut
	// off, it would go out again, and its events come twice.
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
		case <-r.wake:
			r.deliver(life, ctx.Done())
		case <-ctx.Done():
		}
	}
	r.deliver(life, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.waiting); n > 0 {
		r.dropped.Add(float64(n))
		r.opt.Logger.Warn("events are given up: the broker did not take them before the stop", "events", n)
	}
	return nil
}

// deliver publishes what waits, again and again while the broker is away, until
// ctx ends or stop is closed. A batch whose fate is unknown goes out again: an
// event may come twice, and is known by its time, service and text.
func (r *Recorder) deliver(ctx context.Context, stop <-chan struct{}) {
	for ctx.Err() == nil {
		r.mu.Lock()
		bodies := r.waiting
		r.waiting = nil
		r.mu.Unlock()
		if len(bodies) == 0 {
			return
		}
		err := r.opt.Publisher.Publish(ctx, contract.EventsQueue, bodies...)
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
		case <-stop:
			return
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
