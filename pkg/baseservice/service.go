package baseservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Options of a [Service]. Name, Transport and Schemas are required.
type Options struct {
	Name      string // lower case, digits and hyphens
	Version   string
	Transport rpc.Transport
	Schemas   *contract.Schemas
	Logger    *slog.Logger
	// Registerer takes the metrics; nil keeps them unregistered.
	Registerer prometheus.Registerer
	// HideErrors replaces the text of every failure with status 500.
	HideErrors bool
	// Timeout bounds each execution that has no bound of its own; 30 s if zero.
	Timeout time.Duration
	// SoftDrain and HardDrain bound the stop; see [rpc.ServeOptions].
	SoftDrain, HardDrain time.Duration
	// Alone lets the service serve only where no other of its name does, since what it
	// knows is its own.
	Alone bool
	// Hear, when set, is given the words to every service that this package does not
	// know; see [rpc.Transport]. Whoever has an account at the broker may say them.
	Hear func(word string)
	// Drained, when set, runs at the stop, when no call is under way any more and
	// what is told is still delivered: for what must end before that does.
	Drained func()
	// Events publishes the timeline to the contract's queue, Records tells the
	// cloud's history; EventName is the service's name there, Client the user id
	// of the client that it runs at, "" at the cloud.
	Events, Records   bool
	EventName, Client string
	// Spool and SpoolBytes say where what is told waits; see [RecorderOptions].
	Spool      string
	SpoolBytes int64
}

// Service serves functions over a transport.
type Service struct {
	opt       Options
	log       *slog.Logger
	id        string
	started   time.Time
	ready     chan struct{}
	functions map[string]*function
	metrics   *metrics
	recorder  *Recorder
	answers   answers
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// New checks the options; it starts nothing.
func New(opt Options) (*Service, error) {
	if !validName.MatchString(opt.Name) {
		return nil, fmt.Errorf("baseservice: the name %q is not lower-case letters, digits and hyphens", opt.Name)
	}
	if opt.Transport == nil || opt.Schemas == nil {
		return nil, errors.New("baseservice: a transport and schemas are required")
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Timeout == 0 {
		opt.Timeout = 30 * time.Second
	}
	log := opt.Logger.With("service", opt.Name)
	return &Service{
		opt: opt, log: log, id: uuid.NewString(), started: time.Now(), ready: make(chan struct{}),
		functions: make(map[string]*function),
		metrics:   newMetrics(opt.Registerer, opt.Name),
		recorder: NewRecorder(RecorderOptions{
			Publisher: opt.Transport, Service: opt.EventName, Client: opt.Client, Events: opt.Events, Records: opt.Records,
			Spool: opt.Spool, SpoolBytes: opt.SpoolBytes, Logger: log, Registerer: opt.Registerer,
		}),
	}, nil
}

// Started is closed when every function is served for the first time.
func (s *Service) Started() <-chan struct{} { return s.ready }

// Logger returns the service's logger.
func (s *Service) Logger() *slog.Logger { return s.log }

// Recorder returns the service's way to the timeline.
func (s *Service) Recorder() *Recorder { return s.recorder }

// Event puts an event on the timeline. The context, which may be any, says which
// call it belongs to.
func (s *Service) Event(ctx context.Context, about contract.About, function, text string) {
	s.recorder.Event(ctx, about, function, text)
}

// Routine puts an event on the timeline that comes again and again though nothing
// changes; see [Recorder.Routine].
func (s *Service) Routine(ctx context.Context, about contract.About, function, text string) {
	s.recorder.Routine(ctx, about, contract.Event{Time: now(), Function: function, Event: text})
}

// Run serves until ctx ends, then drains; it returns nil on a clean stop.
func (s *Service) Run(ctx context.Context) error {
	if err := s.recorder.Open(); err != nil {
		return fmt.Errorf("%s: %w", s.opt.Name, err)
	}
	// The recorder outlives the drain, so that the last events go out.
	recorderCtx, stopRecorder := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRecorder()
	var g errgroup.Group
	g.Go(func() error { return s.recorder.Run(recorderCtx) })
	alone := ""
	if s.opt.Alone {
		alone = s.opt.Name
	}
	err := s.opt.Transport.Serve(ctx, rpc.ServeOptions{
		Alone:      alone,
		Endpoints:  s.endpoints(),
		Introspect: s.introspect,
		Ready: func() {
			s.Event(ctx, contract.About{}, "main", "Started")
			s.log.Info("serving", "functions", len(s.functions))
			close(s.ready)
		},
		SoftDrain: s.opt.SoftDrain, HardDrain: s.opt.HardDrain,
	})
	if ctx.Err() != nil {
		if s.opt.Drained != nil {
			s.opt.Drained()
		}
		s.Event(ctx, contract.About{}, "main", "Interrupted")
	}
	stopRecorder()
	if err != nil {
		err = fmt.Errorf("%s: %w", s.opt.Name, err)
	}
	return errors.Join(err, g.Wait())
}

func (s *Service) endpoints() []rpc.Endpoint {
	eps := make([]rpc.Endpoint, 0, len(s.functions))
	for name, f := range s.functions {
		eps = append(eps, rpc.Endpoint{Function: name, Concurrency: f.concurrency, Prefetch: f.prefetch, Handle: s.dispatch})
	}
	slices.SortFunc(eps, func(a, b rpc.Endpoint) int {
		if a.Function < b.Function {
			return -1
		}
		return 1
	})
	return eps
}

// dispatch runs the function that the message's type names, whichever queue it
// came by, and encodes what comes of it.
func (s *Service) dispatch(ctx context.Context, m *rpc.Message) rpc.Reply {
	f := s.functions[m.Function]
	if f == nil {
		return s.reply(m, nil, rpc.Text(rpc.NotFound, contract.InvalidFunction(m.Function)))
	}
	value, err := f.run(ctx, m)
	return s.reply(m, value, err)
}

func (s *Service) reply(m *rpc.Message, value json.RawMessage, err error) rpc.Reply {
	if err == nil {
		return rpc.Reply{Body: rpc.EncodeReturn(value)}
	}
	code, text := rpc.CodeOf(err), err.Error()
	switch {
	case code == rpc.Invalid:
		text = contract.InvalidArguments(m.Function, text)
	case s.opt.HideErrors:
		text = contract.HiddenError
	}
	return rpc.Reply{Body: rpc.EncodeException(code, text), Code: string(code)}
}
