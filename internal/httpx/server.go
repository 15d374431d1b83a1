package httpx

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Options says what a Server serves and how long it waits; every duration left
// at zero gets the default named with it.
type Options struct {
	Addr    string       // host:port to listen on; port 0 picks a free one
	Handler http.Handler // required
	Logger  *slog.Logger // nil: discard
	// TLS, if set, is what the server speaks; requests in the clear are answered
	// with status 400. It needs a certificate.
	TLS *tls.Config

	// Share is how much of the files that the process may have open are connections
	// of this server at most; 0.5 if zero. More than 20,000 are never open.
	Share float64

	HeaderTimeout time.Duration // for a request's headers: 5 s
	ReadTimeout   time.Duration // for a whole request: 30 s; see Deadlines
	WriteTimeout  time.Duration // for a whole response: 60 s; see Deadlines
	IdleTimeout   time.Duration // between two requests of a connection: 60 s
	DrainTimeout  time.Duration // for running requests when Run is told to stop: 10 s
}

const maxHeaderBytes = 64 << 10

// Server is an HTTP server whose address is known before it serves.
type Server struct {
	http     *http.Server
	listener net.Listener
	drain    time.Duration
	ran      atomic.Bool
	started  chan struct{}
	draining chan struct{}
}

// New checks the options and binds the address; connections wait until Run.
// A Server that is not run must be closed.
func New(o Options) (*Server, error) {
	if o.Handler == nil {
		return nil, errors.New("an http server needs a handler")
	}
	if o.Addr == "" {
		return nil, errors.New("an http server needs an address: give host:port, with port 0 for a free one")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("serve http: %w", err)
	}
	s := &Server{
		listener: limit(listener, connectionBound(cmp.Or(o.Share, usualShare))),
		drain:    cmp.Or(o.DrainTimeout, 10*time.Second),
		started:  make(chan struct{}),
		draining: make(chan struct{}),
	}
	s.http = &http.Server{
		Handler:           heard(o.Handler),
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: cmp.Or(o.HeaderTimeout, 5*time.Second),
		ReadTimeout:       cmp.Or(o.ReadTimeout, 30*time.Second),
		WriteTimeout:      cmp.Or(o.WriteTimeout, time.Minute),
		IdleTimeout:       cmp.Or(o.IdleTimeout, time.Minute),
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), drainKey{}, s.draining)
		},
	}
	if o.TLS != nil {
		s.http.TLSConfig = o.TLS.Clone() // net/http adds its protocols
	}
	return s, nil
}

// Addr returns the bound host:port, with the real port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Started is closed when Run begins to serve.
func (s *Server) Started() <-chan struct{} { return s.started }

// Run serves until ctx ends, then refuses new connections and lets running
// requests finish for at most the drain timeout; what is left is cut off. It
// returns nil after a clean stop, and an error when serving failed or requests
// were cut off. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return fmt.Errorf("serve http on %s: the server has run before", s.Addr())
	}
	served := make(chan error, 1)
	go func() { served <- s.serve() }()
	close(s.started)
	select {
	case err := <-served:
		close(s.draining)
		_ = s.http.Close() // the failure that ended Serve is the one to report
		return fmt.Errorf("serve http on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}

	close(s.draining)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	err := s.http.Shutdown(drain)
	if err != nil {
		_ = s.http.Close() // cuts connections; Shutdown's error says why
	}
	<-served
	if err != nil {
		return fmt.Errorf("drain http on %s: requests still ran after %s and were cut off: %w", s.Addr(), s.drain, err)
	}
	return nil
}

// serve accepts connections until the server is shut down.
func (s *Server) serve() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.listener, "", "")
	}
	return s.http.Serve(s.listener)
}

// Close releases the address of a Server that was never run, or stops a running
// one at once, so that its Run fails with http.ErrServerClosed.
func (s *Server) Close() error {
	return errors.Join(s.http.Close(), ignoreClosed(s.listener.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

type drainKey struct{}

// Draining returns a channel that is closed when the server that serves the
// request begins to stop. A handler that streams must end then, else it holds
// the drain up. It is nil, which blocks for ever, outside a Server.
func Draining(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(drainKey{}).(chan struct{})
	return c
}
