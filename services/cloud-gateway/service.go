package cloudgateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Transport is a transport that tells whether it has a session with its broker;
// that of pkg/amqpx does.
type Transport interface {
	rpc.Transport
	// Ready waits until there is a session, or for the end of ctx.
	Ready(ctx context.Context) error
}

// Options of a [Service]. Addr, Transport and Base's Schemas are required.
type Options struct {
	Addr      string // host:port to listen on; port 0 picks a free one
	Transport Transport
	// Timeout bounds a call from its request to its answer; 10 s if zero.
	Timeout time.Duration
	// AllowedOrigins are the origins whose pages may call functions, such as
	// "https://ops.example". nil allows every one, as peers expect; an empty list
	// allows only pages that the gateway itself serves.
	AllowedOrigins []string
	// Gatherer supplies /metrics; nil leaves that route out.
	Gatherer prometheus.Gatherer
	// Base is how the service stands on the broker; its names and its transport
	// are set here.
	Base baseservice.Options
}

// Service is the cloud gateway.
type Service struct {
	base      *baseservice.Service
	http      *httpx.Server
	transport Transport
	timeout   time.Duration
	hide      bool // the texts of failures
	version   string
	gatherer  prometheus.Gatherer
	functions map[string]function
	slots     chan struct{} // one token a call under way
}

// New checks the options and binds the address. A Service that is not run must
// be closed.
func New(opt Options) (*Service, error) {
	if opt.Transport == nil {
		return nil, fmt.Errorf("cloudgateway: a transport is required")
	}
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second
	}
	opt.Base.Name, opt.Base.EventName, opt.Base.Transport = "cloud-gateway", contract.EventCloudGateway, opt.Transport
	base, err := baseservice.New(opt.Base)
	if err != nil {
		return nil, err
	}
	s := &Service{
		base: base, transport: opt.Transport, timeout: opt.Timeout,
		hide: opt.Base.HideErrors, version: opt.Base.Version, gatherer: opt.Gatherer, functions: functions(),
		slots: make(chan struct{}, maxCalls),
	}
	handler, err := s.handler(opt)
	if err != nil {
		return nil, err
	}
	s.http, err = httpx.New(httpx.Options{
		Addr: opt.Addr, Handler: handler, Logger: base.Logger(),
		WriteTimeout: opt.Timeout + time.Minute,
		DrainTimeout: opt.Timeout + time.Second, // every call has ended by then
	})
	if err != nil {
		return nil, fmt.Errorf("cloudgateway: %w", err)
	}
	return s, nil
}

// handler puts around the routes what all of them need.
func (s *Service) handler(opt Options) (http.Handler, error) {
	mux, err := s.routes(opt.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	chain := []httpx.Middleware{httpx.Trace()}
	if opt.Base.Registerer != nil {
		metrics, err := httpx.Metrics(opt.Base.Registerer)
		if err != nil {
			return nil, fmt.Errorf("cloudgateway: %w", err)
		}
		chain = append(chain, metrics)
	}
	chain = append(chain, httpx.Recover(s.base.Logger()), httpx.SecurityHeaders())
	return httpx.Chain(mux, chain...), nil
}

// Addr returns the bound host:port.
func (s *Service) Addr() string { return s.http.Addr() }

// Started is closed when the gateway stands on its broker for the first time.
// HTTP is served from the start of Run on, so that /healthz and /readyz can tell
// what is missing.
func (s *Service) Started() <-chan struct{} { return s.base.Started() }

// Close releases the address of a Service that was never run.
func (s *Service) Close() error { return s.http.Close() }

// Run serves until ctx ends; it returns nil on a clean stop. Running requests
// finish before the gateway leaves its broker. A Service runs once.
func (s *Service) Run(ctx context.Context) error {
	baseCtx, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	g, httpCtx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer leave()
		return s.http.Run(httpCtx)
	})
	g.Go(func() error { return s.base.Run(baseCtx) })
	return g.Wait()
}
