package amqpx

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Options say which broker to use and how. Host and Port are required, or Nodes.
type Options struct {
	Host string
	Port int
	// Nodes are the addresses of a cluster's nodes, each host:port, in place of Host
	// and Port. Sessions take one that is well, at random, and another if it fails.
	Nodes    []string
	User     string // "guest" if empty
	Password string // "guest" if empty
	VHost    string // "/" if empty
	// TLS, if set, is how the broker is spoken to: with amqps. Without a ServerName
	// its certificate must be for the host that is connected to.
	TLS *tls.Config
	// Name is shown by the broker as the connections' name.
	Name string
	// Compat declares queues as peers in Python do: every flag false. Without
	// it queues are durable, as current brokers want them.
	Compat bool
	// Quorum makes the queues that outlive their node's death those of a cluster,
	// replicated: all that have a name, but with Compat only those that no peer in
	// Python declares. A broker refuses it for a queue that is there as another type.
	Quorum bool
	// CallTimeout bounds calls whose context has no deadline; 10 s if zero.
	CallTimeout time.Duration
	// Heartbeat is the interval that is proposed to the broker; if zero 10 s, and 5 s
	// with several nodes, of which another is there at once. Three that are missing
	// end a session.
	Heartbeat time.Duration
	Logger    *slog.Logger
	// Registerer takes the metrics; nil keeps them unregistered.
	Registerer prometheus.Registerer
}

// Transport implements [rpc.Transport] over a broker.
type Transport struct {
	opt     Options
	nodes   *nodes
	log     *slog.Logger
	metrics *metrics
	caller  *caller
	// aloneWait is how long one waits for another's end; shorter in tests.
	aloneWait time.Duration
	lastErr   atomic.Pointer[error] // why the newest session ended or was not to be had
}

var _ rpc.Transport = (*Transport)(nil)

// New checks the options; it connects to nothing.
func New(opt Options) (*Transport, error) {
	if len(opt.Nodes) == 0 {
		opt.Nodes = []string{net.JoinHostPort(opt.Host, strconv.Itoa(opt.Port))}
	}
	nodes, err := newNodes(opt.Nodes)
	if err != nil {
		return nil, err
	}
	opt.User = orDefault(opt.User, "guest")
	opt.Password = orDefault(opt.Password, "guest")
	opt.VHost = orDefault(opt.VHost, "/")
	opt.Name = orDefault(opt.Name, "agata")
	opt.CallTimeout = orDefault(opt.CallTimeout, 10*time.Second)
	if len(opt.Nodes) > 1 {
		opt.Heartbeat = orDefault(opt.Heartbeat, 5*time.Second)
	}
	opt.Heartbeat = orDefault(opt.Heartbeat, 10*time.Second)
	if opt.TLS != nil {
		opt.TLS = opt.TLS.Clone()
		opt.TLS.NextProtos = nil // a configuration that HTTP used too names its own
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Transport{opt: opt, nodes: nodes, aloneWait: aloneWait, log: opt.Logger.With("broker", nodes.String())}
	t.metrics = newMetrics(opt.Registerer, nodes.String())
	t.caller = newCaller(t)
	return t, nil
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// Run keeps the caller's session up until ctx ends. Calls wait for a session
// as long as their deadline allows.
func (t *Transport) Run(ctx context.Context) error {
	return t.keep(ctx, "call", t.caller.use)
}

// Ready waits until the caller's session is up.
func (t *Transport) Ready(ctx context.Context) error {
	_, err := t.caller.session(ctx)
	return err
}

// Node is the address of the node that the newest session of a role is on: "call",
// "serve" or "subscribe". It is "" if there is none.
func (t *Transport) Node(role string) string { return t.nodes.at(role) }

// whyDown tells why there is no session, as far as that is known.
func (t *Transport) whyDown(ctx context.Context) error {
	if err := t.lastErr.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// With runs fn beside the transport's own loop and ends the loop when fn
// returns: for programs that only make a few calls.
func (t *Transport) With(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var g errgroup.Group
	g.Go(func() error { return t.Run(ctx) })
	err := fn(ctx)
	cancel()
	return errors.Join(err, g.Wait())
}

// Serve implements [rpc.Transport].
func (t *Transport) Serve(ctx context.Context, o rpc.ServeOptions) error {
	o.SoftDrain = orDefault(o.SoftDrain, 10*time.Second)
	o.HardDrain = orDefault(o.HardDrain, 5*time.Second)
	w := &worker{t: t, opt: o, ready: sync.OnceFunc(func() {
		if o.Ready != nil {
			o.Ready()
		}
	})}
	return w.run(ctx)
}
