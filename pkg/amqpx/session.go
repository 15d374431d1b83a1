package amqpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 15 * time.Second
	backoffFirst = 50 * time.Millisecond
	backoffCap   = 15 * time.Second
	healthyAfter = 30 * time.Second
	// After a session that lasted steadyAfter the next try is quick again: of those
	// there can be no more than one in that time.
	steadyAfter = 2 * time.Second
	// setupTimeout bounds what a broker takes to declare a queue: one whose node is
	// gone in silence keeps the others waiting for it.
	setupTimeout = 15 * time.Second
	// electionTime is what quorum queues take to have another leader when a node is
	// lost. Who reads one before is heard by RabbitMQ 3.10.8, but may be given nothing
	// until that node is back.
	electionTime = 1500 * time.Millisecond
)

// session is one connection; lost is closed, with the reason in err, when it
// has ended.
type session struct {
	conn    *amqp.Connection
	node    *node
	epoch   uint64
	alarm   alarm
	lost    chan struct{}
	err     error // set before lost is closed
	watched chan struct{}
}

// fatalError is a failure that no reconnection mends.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

// keep runs use on session after session until ctx ends. use returns when ctx
// ends or its session is lost.
func (t *Transport) keep(ctx context.Context, role string, use func(context.Context, *session) error) error {
	var epoch uint64
	for try := 0; ; {
		epoch++
		lasted, err := t.runSession(ctx, role, epoch, use)
		if ctx.Err() != nil {
			return nil
		}
		if fatal, ok := errors.AsType[fatalError](err); ok {
			return fatal.error
		}
		t.lastErr.Store(&err)
		if lasted > steadyAfter {
			try = 0
		}
		wait := backoff(try)
		if try++; role != "call" && t.opt.Quorum && len(t.nodes.list) > 1 {
			wait = max(wait, electionTime)
		}
		t.metrics.reconnects.WithLabelValues(role).Inc()
		t.log.Warn("no session with the broker", "role", role, "err", err, "retry_in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// backoff doubles from the first wait to the cap; the jitter is the whole
// upper half, so that a fleet does not come back at once. The first retry is
// quick, since most ends of a connection are brief.
func backoff(try int) time.Duration {
	d := min(backoffFirst<<min(try, 16), backoffCap)
	return d/2 + rand.N(d/2)
}

// runSession connects and runs use; lasted is how long there was a connection.
func (t *Transport) runSession(ctx context.Context, role string, epoch uint64, use func(context.Context, *session) error) (lasted time.Duration, err error) {
	s, err := t.dialAny(ctx, role, epoch)
	if err != nil {
		return 0, err
	}
	up, began := t.metrics.up.WithLabelValues(role), time.Now()
	up.Set(1)
	t.nodes.set(role, s.node.addr)
	err = use(ctx, s)
	t.nodes.set(role, "")
	up.Set(0)
	s.close()
	if lasted = time.Since(began); ctx.Err() == nil {
		t.nodes.ended(s.node, lasted)
	}
	if err != nil && len(t.nodes.list) > 1 {
		err = fmt.Errorf("on the broker's node %s: %w", s.node.addr, err)
	}
	return lasted, err
}

// dialAny connects to the first node that is to be had.
func (t *Transport) dialAny(ctx context.Context, role string, epoch uint64) (*session, error) {
	var errs []error
	for _, n := range t.nodes.order() {
		s, err := t.dial(ctx, n, role, epoch)
		if err == nil {
			if len(t.nodes.list) > 1 {
				t.log.Info("a session with the broker", "role", role, "node", n.addr)
			}
			return s, nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
		t.nodes.ended(n, 0)
	}
	return nil, errors.Join(errs...)
}

func (t *Transport) dial(ctx context.Context, n *node, role string, epoch uint64) (*session, error) {
	o := t.opt
	props := amqp.NewConnectionProperties()
	props["product"] = "AGATA"
	props.SetClientConnectionName(o.Name + "/" + role)
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := amqp.DialConfig("amqp://"+n.addr, amqp.Config{
		SASL:       []amqp.Authentication{&amqp.PlainAuth{Username: o.User, Password: o.Password}},
		Vhost:      o.VHost,
		Heartbeat:  o.Heartbeat,
		Properties: props,
		Dial: func(network, addr string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(dialCtx, network, addr)
			if err != nil {
				return nil, err
			}
			// For the handshake; the library lifts it afterwards.
			if err := c.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
				return nil, errors.Join(err, c.Close())
			}
			if c, err = secured(dialCtx, c, n.host, o.TLS); err != nil {
				return nil, err
			}
			return newGathering(c), nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the broker at %s as %s: %w", n.addr, o.User, err)
	}
	s := &session{conn: conn, node: n, epoch: epoch, lost: make(chan struct{}), watched: make(chan struct{})}
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	go s.watch(t, closed, blocked)
	return s, nil
}

// secured shakes hands by TLS, if that is wanted. A connection that fails is closed.
func secured(ctx context.Context, c net.Conn, host string, with *tls.Config) (net.Conn, error) {
	if with == nil {
		return c, nil
	}
	if with.ServerName == "" {
		with = with.Clone()
		with.ServerName = host
	}
	over := tls.Client(c, with)
	if err := over.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, ignoreClosed(c.Close()))
	}
	return over, nil
}

// ignoreClosed forgives closing twice: a handshake closes what its context ended.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// watch owns the session's news until the connection has ended; close waits
// for it.
func (s *session) watch(t *Transport, closed <-chan *amqp.Error, blocked <-chan amqp.Blocking) {
	defer close(s.watched)
	for {
		select {
		case b, ok := <-blocked:
			if !ok {
				blocked = nil
				continue
			}
			s.alarm.set(b.Active)
			t.metrics.setBlocked(b.Active)
			t.log.Warn("the broker's alarm changed", "blocked", b.Active, "reason", b.Reason)
		case err := <-closed:
			s.err = amqp.ErrClosed
			if err != nil {
				s.err = err
			}
			t.metrics.setBlocked(false)
			close(s.lost)
			return
		}
	}
}

// within bounds what the library waits for without one: when the time is over the
// session ends.
func (s *session) within(d time.Duration, fn func() error) error {
	fired := make(chan struct{})
	timer := time.AfterFunc(d, func() {
		defer close(fired)
		_ = s.conn.CloseDeadline(time.Now().Add(2 * time.Second)) // that fn returns is what counts
	})
	err := fn()
	if timer.Stop() {
		return err
	}
	<-fired
	return fmt.Errorf("the broker did not answer within %s: %w", d, errors.Join(err, amqp.ErrClosed))
}

func (s *session) close() {
	// The reason of an earlier end is in s.err already.
	_ = s.conn.CloseDeadline(time.Now().Add(2 * time.Second))
	<-s.watched
}
