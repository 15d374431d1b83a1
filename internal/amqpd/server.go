package amqpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// Options configure a server. The zero value is a broker on a free loopback
// port for user guest, password guest.
type Options struct {
	// Addr is where to listen, host:port. The default is 127.0.0.1:9000.
	Addr string
	// Listener, if set, is used instead of Addr, such as to listen in memory.
	Listener net.Listener
	// TLS, if set, is what clients must speak. It needs a certificate.
	TLS *tls.Config
	// Logger gets what the broker has to say. The default discards it.
	Logger *slog.Logger
	// Users are names and their passwords. The default is guest with guest.
	Users map[string]string
	// MaxMessageBytes is the largest body accepted; larger ones cost the
	// publisher its channel (406). The default is 16 MiB.
	MaxMessageBytes int64
	// MaxBytes is what all queues together may hold before publishers are
	// blocked (connection.blocked). The default is 256 MiB.
	MaxBytes int64
	// MaxConnections is how many clients may be connected; the next is refused
	// (530). The default is 4096.
	MaxConnections int
	// Heartbeat is what the broker proposes. The default is 60 s.
	Heartbeat time.Duration
	// Faults injects failures, for tests. One Faults serves one server.
	Faults *Faults
}

const (
	defaultAddr       = "127.0.0.1:9000"
	defaultFrameMax   = 131072
	defaultChannelMax = 2047
	handshakeTimeout  = 10 * time.Second
	closeTimeout      = 2 * time.Second
)

// Server is an AMQP broker. Make one with New; it is safe for concurrent use.
type Server struct {
	options  Options
	log      *slog.Logger
	listener net.Listener
	faults   *Faults
	clock    *clock
	alarm    *alarm
	broker   *broker
	started  chan struct{}

	mu      sync.Mutex
	running bool
	conns   map[*conn]struct{}
}

// New checks the options and binds the listener. It serves nothing until Run;
// a server that is never run is let go of with Close.
func New(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = defaultAddr
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Users == nil {
		o.Users = map[string]string{"guest": "guest"}
	}
	for _, n := range []int64{o.MaxMessageBytes, o.MaxBytes, int64(o.MaxConnections), int64(o.Heartbeat)} {
		if n < 0 {
			return nil, errors.New("amqpd: a limit is negative; leave it 0 for the default")
		}
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 60 * time.Second
	}
	if o.Heartbeat < time.Second || o.Heartbeat > 65535*time.Second {
		return nil, fmt.Errorf("amqpd: heartbeat %s is outside 1s to 65535s", o.Heartbeat)
	}
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = 16 << 20
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 4096
	}
	if o.Listener == nil {
		l, err := net.Listen("tcp", o.Addr)
		if err != nil {
			return nil, fmt.Errorf("amqpd: listen on %s: %w", o.Addr, err)
		}
		o.Listener = l
	}
	if o.TLS != nil {
		// The handshake comes with the first read, in the connection's own goroutine.
		o.Listener = tls.NewListener(o.Listener, o.TLS)
	}
	s := &Server{
		options: o, log: o.Logger, listener: o.Listener, faults: o.Faults, clock: newClock(),
		started: make(chan struct{}), conns: map[*conn]struct{}{},
	}
	s.alarm = &alarm{limit: o.MaxBytes, notify: s.announce}
	s.broker = newBroker(s)
	s.faults.attach(s.alarm)
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is an amqp:// address, or amqps:// with TLS, for a client on this machine,
// with the credentials guest and guest: other users put theirs in place.
func (s *Server) URL() string {
	scheme := "amqp://"
	if s.options.TLS != nil {
		scheme = "amqps://"
	}
	return scheme + "guest:guest@" + s.Addr().String() + "/"
}

// Started is closed once Run accepts connections.
func (s *Server) Started() <-chan struct{} { return s.started }

// Close stops listening. Run does so itself.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends, then closes every connection with 320
// CONNECTION_FORCED, gives clients a moment to agree, and returns nil. It
// returns an error if listening fails, or if the server has been run before.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return errors.New("amqpd: a server runs only once; make a new one")
	}
	s.running = true
	s.mu.Unlock()
	close(s.started)
	s.log.Info("broker serves: one machine, memory only", "addr", s.Addr().String())

	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	clockCtx, stopClock := context.WithCancel(context.WithoutCancel(ctx))
	wg.Go(func() { s.clock.run(clockCtx) })
	wg.Go(func() {
		<-ctx.Done()
		s.listener.Close()
	})
	err := s.accept(ctx, &wg)
	stop()
	s.closeAll("shutdown")
	stopClock()
	wg.Wait()
	return err
}

// accept serves each connection in a goroutine of wg.
func (s *Server) accept(ctx context.Context, wg *sync.WaitGroup) error {
	for {
		nc, err := s.listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return nil
		}
		if err != nil {
			if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() || isExhausted(err) {
				s.log.Warn("accepting a connection failed; trying again", "err", err)
				select {
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
				continue
			}
			return fmt.Errorf("amqpd: accept: %w", err)
		}
		c := newConn(s, nc)
		s.mu.Lock()
		n := len(s.conns)
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		c.crowded = n >= s.options.MaxConnections
		if n >= s.options.MaxConnections+64 { // too many even to be told so
			s.forget(c)
			nc.Close()
			continue
		}
		wg.Go(func() {
			defer s.forget(c)
			c.serve()
		})
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

func (s *Server) connections() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// CloseConnections closes every connection with 320 CONNECTION_FORCED, as an
// operator of RabbitMQ can. Clients may connect again at once.
func (s *Server) CloseConnections() { s.closeAll("CloseConnections") }

func (s *Server) closeAll(reason string) {
	for _, c := range s.connections() {
		c.forceClose(connError(ConnectionForced, "broker forced connection closure with reason '%s'", reason))
	}
}

// announce tells publishers that the alarm has been raised or lifted. It is
// called with locks held, so it leaves the work to the clock.
func (s *Server) announce() {
	s.clock.schedule(s.clock.now(), func() {
		for _, c := range s.connections() {
			c.tellBlocked()
		}
	})
}

// Stats is what a server holds at one moment.
type Stats struct {
	Connections, Channels, Queues, Consumers int
	// Messages counts those ready and those delivered but not acknowledged, in
	// every queue; Bytes is what they cost, overhead included.
	Messages, Bytes int64
}

// Stats counts what the server holds.
func (s *Server) Stats() Stats {
	st := Stats{Messages: s.alarm.messages.Load(), Bytes: s.alarm.bytes.Load()}
	for _, c := range s.connections() {
		st.Connections++
		st.Channels += int(c.channelCount.Load())
	}
	s.broker.mu.RLock()
	queues := slices.Collect(maps.Values(s.broker.queues))
	s.broker.mu.RUnlock()
	st.Queues = len(queues)
	for _, q := range queues {
		_, consumers := q.counts()
		st.Consumers += consumers
	}
	return st
}
