package cloudgateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/api"
	"github.com/agata-fl/agata/services/cloud-gateway/forward"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// Transport is a transport that tells whether it has a session with its broker,
// and reads queues many messages at a time; that of pkg/amqpx does.
type Transport interface {
	rpc.Transport
	api.Transport
}

// Options of a [Service]. Addr, Data, Transport and Base's Schemas are required.
type Options struct {
	Addr      string      // host:port to listen on; port 0 picks a free one
	TLS       *tls.Config // what the gateway speaks; nil: HTTP in the clear
	Transport Transport
	// Data is the folder of the history, cloud-gateway.db, and of the accounts; it is
	// made when missing.
	Data string
	// Database is the PostgreSQL database to use in place of those files.
	Database database.Server
	// Retention and MaxEvents bound the history; zero means 30 days and 5 million
	// events.
	Retention time.Duration
	MaxEvents int64
	// FilesURL tells where the file service is, such as http://localhost:5000, for
	// uploads and downloads by the API. It is asked at each transfer, since the
	// file service may bind its port after the gateway. nil: files cannot be
	// transferred.
	FilesURL func() string
	// FilesTLS says which certificates are trusted where FilesURL is https, and which
	// one is shown; nil: the system's, and none.
	FilesTLS *tls.Config
	// MaxFileBytes is the largest file that the file service takes; 512 MiB if zero.
	MaxFileBytes int64
	// Console holds the operator's console, index.html at its root, as package web
	// has it; nil: it was not built, and a page says how to.
	Console fs.FS
	// Timeout bounds a call from its request to its answer; 10 s if zero.
	Timeout time.Duration
	// AllowedOrigins are the origins whose pages may call functions, such as
	// "https://ops.example". nil allows every one, as peers expect; an empty list
	// allows only pages that the gateway itself serves.
	AllowedOrigins []string
	// Auth closes the cloud: callers show credentials, which are kept in Data,
	// access.db. nil: the cloud is open.
	Auth *Auth
	// Audit takes who did what of that which the gateway does itself; nil: nobody asks.
	Audit *audit.Log
	// Gatherer supplies /metrics; nil leaves that route out.
	Gatherer prometheus.Gatherer
	// Base is how the service stands on the broker; its names and its transport
	// are set here.
	Base baseservice.Options
}

// Auth says what a closed cloud asks of its callers; see section [auth] of
// config.ini. What is zero has the default that is named there.
type Auth struct {
	Key               rpc.Key // the cloud's
	Peers             bool
	Session           time.Duration
	SignInPerMinute   int
	RequestsPerSecond int
	Now               func() time.Time // nil: time.Now
}

// Service is the cloud gateway.
type Service struct {
	opt     Options
	base    *baseservice.Service
	http    *httpx.Server
	forward *forward.Forwarder
	console http.Handler
	slots   chan struct{} // one token a call under way
	large   *httpx.Large
	api     *api.API     // from the start of Run on
	guard   *guard.Guard // from the start of Run on; nil: the cloud is open
	pace    pace
}

// New checks the options and binds the address. A Service that is not run must
// be closed.
func New(opt Options) (*Service, error) {
	if opt.Transport == nil {
		return nil, fmt.Errorf("cloudgateway: a transport is required")
	}
	if opt.Data == "" {
		return nil, fmt.Errorf("cloudgateway: the data folder is not set")
	}
	opt.Timeout = cmp.Or(opt.Timeout, 10*time.Second)
	opt.Base.Name, opt.Base.EventName, opt.Base.Transport = "cloud-gateway", contract.EventCloudGateway, opt.Transport
	s := &Service{opt: opt, forward: forward.New(opt.Transport, opt.Timeout), slots: make(chan struct{}, maxCalls), large: httpx.NewLarge(maxLarge)}
	opt.Base.Hear = func(word string) { s.api.Hear(word) } // the broker is served when there is one
	var err error
	if s.base, err = baseservice.New(opt.Base); err != nil {
		return nil, err
	}
	if s.console, err = newConsole(opt.Console, opt.Base.Version); err != nil {
		return nil, fmt.Errorf("cloudgateway: %w", err)
	}
	handler, err := s.handler(opt)
	if err != nil {
		return nil, err
	}
	s.http, err = httpx.New(httpx.Options{
		Addr: opt.Addr, TLS: opt.TLS, Handler: handler, Logger: s.base.Logger(),
		WriteTimeout: opt.Timeout + time.Minute,
		DrainTimeout: opt.Timeout + time.Second, // every call has ended by then
		Share:        0.65,                      // each client has one or two, and there is little else
	})
	if err != nil {
		return nil, fmt.Errorf("cloudgateway: %w", err)
	}
	return s, nil
}

// handler puts around the routes what all of them need.
func (s *Service) handler(opt Options) (http.Handler, error) {
	mux, err := s.routes()
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

// Run opens the history and serves until ctx ends; it returns nil on a clean stop.
// Running requests finish before the gateway leaves its broker. A Service runs
// once.
func (s *Service) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.http.Close()) }()
	store, err := history.Open(ctx, filepath.Join(s.opt.Data, "cloud-gateway.db"), history.Options{
		Database: s.opt.Database, Retention: s.opt.Retention, MaxEvents: s.opt.MaxEvents, Logger: s.base.Logger(),
	})
	if err != nil {
		return fmt.Errorf("cloud-gateway: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	accounts, err := s.openAccounts(ctx)
	if err != nil {
		return fmt.Errorf("cloud-gateway: %w", err)
	}
	defer func() { err = errors.Join(err, accounts.Close()) }()
	var key rpc.Key
	if s.opt.Auth != nil {
		key = s.opt.Auth.Key
	}
	s.api, err = api.New(api.Options{
		Audit:     s.opt.Audit,
		Key:       key,
		Transport: s.opt.Transport, Forward: s.forward, History: store, Schemas: s.opt.Base.Schemas, Guard: s.guard,
		FilesURL: s.opt.FilesURL, FilesTLS: s.opt.FilesTLS, MaxFileBytes: s.opt.MaxFileBytes,
		Timeout: s.opt.Timeout, Version: s.opt.Base.Version, HideErrors: s.opt.Base.HideErrors, Logger: s.base.Logger(),
		Busy: s.busy,
	})
	if err != nil {
		return fmt.Errorf("cloud-gateway: %w", err)
	}
	defer s.api.Close()

	baseCtx, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	g, failed := errgroup.WithContext(baseCtx)
	httpCtx, drain := context.WithCancel(ctx)
	defer drain()
	defer context.AfterFunc(failed, drain)()
	g.Go(func() error {
		defer leave()
		return s.http.Run(httpCtx)
	})
	g.Go(func() error { return s.base.Run(failed) })
	g.Go(func() error { return store.Run(failed) })
	g.Go(func() error { return s.api.Ingest(failed) })
	g.Go(func() error { return s.api.Watch(failed) })
	return g.Wait()
}

// openAccounts makes the guard of a closed cloud; the store is nil in an open one.
func (s *Service) openAccounts(ctx context.Context) (*access.Store, error) {
	auth := s.opt.Auth
	if auth == nil {
		return nil, nil
	}
	store, err := access.Open(ctx, filepath.Join(s.opt.Data, access.File), access.Options{Database: s.opt.Database, Session: auth.Session, Logger: s.base.Logger(), Now: auth.Now})
	if err != nil {
		return nil, err
	}
	operators, err := store.Operators(ctx)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if len(operators) == 0 {
		s.base.Logger().Warn("this cloud asks for credentials, and nobody has any: make the first admin with `agata operator init NAME`")
	}
	s.guard = guard.New(guard.Options{
		Access: store, Peers: auth.Peers, SignInPerMinute: auth.SignInPerMinute, RequestsPerSecond: auth.RequestsPerSecond, Now: auth.Now,
	})
	return store, nil
}
