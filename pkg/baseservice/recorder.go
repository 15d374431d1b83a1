package baseservice

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// RecorderOptions of a [Recorder].
type RecorderOptions struct {
	Publisher rpc.Publisher
	Service   string // the service's name on the timeline
	Client    string // the user id of the client that it runs at; "" at the cloud
	// Events publishes events to the contract's queue, Records everything to the
	// cloud's history.
	Events, Records bool
	// Spool is a folder of this recorder's own, in which what is told waits for the
	// broker, also over a kill of the process, though not over a power cut. "":
	// 10,000 messages of each queue wait in memory, until the process ends.
	Spool string
	// SpoolBytes bounds the files of each queue there, 64 MiB if zero; then the
	// oldest go.
	SpoolBytes int64
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Recorder tells what happens: events to the contract's queue, and these and all
// else to the cloud's history. It never waits for the broker.
type Recorder struct {
	opt             RecorderOptions
	events, records *outbox // nil: not wanted
}

// NewRecorder makes a recorder; [Recorder.Run] delivers. What is told before
// [Recorder.Open], or Run, waits in memory.
func NewRecorder(opt RecorderOptions) *Recorder {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{opt: opt}
	labels := prometheus.Labels{"service": opt.Service}
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_events_dropped_total",
		Help: "Events and records given up because too many waited for the broker.", ConstLabels: labels}, []string{"queue"})
	inMemory := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_outbox_disk_refused_total",
		Help: "Events and records that the disk did not take when they came.", ConstLabels: labels}, []string{"queue"})
	if opt.Registerer != nil {
		opt.Registerer.MustRegister(dropped, inMemory)
	}
	outboxOf := func(queue string) *outbox {
		o := &outbox{publisher: opt.Publisher, queue: queue, log: opt.Logger, maxBytes: opt.SpoolBytes, wake: make(chan struct{}, 1),
			dropped: dropped.WithLabelValues(queue), inMemory: inMemory.WithLabelValues(queue)}
		if opt.Spool != "" {
			o.folder = filepath.Join(opt.Spool, queue)
		}
		return o
	}
	if opt.Events {
		r.events = outboxOf(contract.EventsQueue)
	}
	if opt.Records {
		r.records = outboxOf(contract.RecordsQueue)
	}
	return r
}

// Open takes the folder of Spool, with what an earlier process left in it; from
// then on what is told is on the disk when telling it returns. It fails if another
// process has the folder. After Open comes [Recorder.Run].
func (r *Recorder) Open() error {
	for _, o := range []*outbox{r.events, r.records} {
		if o == nil {
			continue
		}
		if err := o.open(); err != nil {
			r.close()
			return err
		}
	}
	return nil
}

func (r *Recorder) close() {
	for _, o := range []*outbox{r.events, r.records} {
		if o != nil {
			o.close()
		}
	}
}

// Event puts an event of this moment on the timeline. The context, which may be
// any, says which call it belongs to.
func (r *Recorder) Event(ctx context.Context, about contract.About, function, text string) {
	if r.events == nil && r.records == nil {
		return
	}
	r.Forward(ctx, about, contract.Event{Time: now(), Function: function, Event: text})
}

// Routine is [Recorder.Forward] for an event that comes again and again though
// nothing changes, such as that of a poll: it is for those who measure. The
// history gets it only where the contract's queue is wanted.
func (r *Recorder) Routine(ctx context.Context, about contract.About, e contract.Event) {
	if r.events != nil {
		r.Forward(ctx, about, e)
	}
}

// Forward puts an event on the timeline, with its own time and its own service, as
// far as it has them.
func (r *Recorder) Forward(ctx context.Context, about contract.About, e contract.Event) {
	r.ForwardAs(ctx, "", about, e)
}

// ForwardAs is [Recorder.Forward] for an event that may be read again after a
// crash: under the same id, a UUID, the history keeps it once. "" makes a new id.
func (r *Recorder) ForwardAs(ctx context.Context, id string, about contract.About, e contract.Event) {
	if e.Service == "" {
		e.Service = r.opt.Service
	}
	if e.Time == 0 {
		e.Time = now()
	}
	if r.events != nil {
		r.put(r.events, e)
	}
	r.Tell(ctx, contract.Record{ID: id, Kind: contract.RecordEvent, Time: e.Time, About: about, Event: &e})
}

// Tell sends a record to the cloud's history. An id, a time, a client and a
// trace that it lacks are filled in.
func (r *Recorder) Tell(ctx context.Context, rec contract.Record) {
	if r.records == nil {
		return
	}
	if rec.ID == "" {
		rec.ID = newID()
	}
	if rec.Time == 0 {
		rec.Time = now()
	}
	if rec.Client == "" {
		rec.Client = r.opt.Client
	}
	if rec.Trace == "" {
		rec.Trace = traceID(rpc.TraceFrom(ctx))
	}
	r.put(r.records, rec)
}

func (r *Recorder) put(o *outbox, message any) {
	body, err := json.Marshal(message)
	if err != nil {
		r.opt.Logger.Warn("what happened cannot be encoded, and is not told", "queue", o.queue, "err", err)
		return
	}
	o.put(body)
}

// Run delivers until ctx ends, and then what is left, within a bound. What a
// broken connection leaves in doubt goes out again: an event may come twice, and
// is known by its time, service and text, a record by its id.
func (r *Recorder) Run(ctx context.Context) error {
	if err := r.Open(); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, o := range []*outbox{r.events, r.records} {
		if o != nil {
			wg.Go(func() { o.run(ctx) })
		}
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

// newID makes an id that grows with time, which keeps the history's index small
// in memory. It fails only where the system has no random numbers.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

func now() float64 { return float64(time.Now().UnixNano()) / 1e9 }

// traceID is the trace of a W3C traceparent, version-TRACE-span-flags; "" for what
// is none, since peers may send anything.
func traceID(parent string) string {
	parts := strings.Split(parent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return ""
	}
	return parts[1]
}
