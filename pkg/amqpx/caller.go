package amqpx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	codeHeader  = "agata-code"
	traceHeader = "traceparent"
	sealHeader  = "agata-seal"
	// maxPending bounds the calls that wait for an answer at once.
	maxPending = 10_000
)

// caller holds the session that calls go out on, or nobody.
type caller struct {
	t *Transport

	mu      sync.Mutex
	current *callSession
	changed chan struct{} // closed when current changes
}

func newCaller(t *Transport) *caller { return &caller{t: t, changed: make(chan struct{})} }

// use makes a session the caller's until it is lost or ctx ends.
func (c *caller) use(ctx context.Context, s *session) error {
	var cs *callSession
	if err := s.within(setupTimeout, func() (err error) { cs, err = c.open(s); return err }); err != nil {
		if cs != nil { // made too late
			s.close()
			cs.wg.Wait()
		}
		return err
	}
	c.set(cs)
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.lost:
		err = s.err
	case err = <-cs.failed:
	}
	c.set(nil)
	cs.fail(err)
	s.close()
	cs.wg.Wait()
	return err
}

func (c *caller) set(cs *callSession) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = cs
	close(c.changed)
	c.changed = make(chan struct{})
}

// session returns the current session, waiting for one until ctx ends.
func (c *caller) session(ctx context.Context) (*callSession, error) {
	for {
		c.mu.Lock()
		cs, changed := c.current, c.changed
		c.mu.Unlock()
		if cs != nil && !cs.ended() {
			return cs, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, rpc.Errorf(rpc.Unavailable, "no connection to the broker at %s: %w", c.t.nodes, c.t.whyDown(ctx))
		}
	}
}

// outcome ends a pending call.
type outcome struct {
	reply rpc.Reply
	err   error
}

// pendingCall waits for its outcome; accept, when set, tells whether an answer is
// believed.
type pendingCall struct {
	outcome chan outcome
	accept  func(rpc.Reply) bool
}

// callSession is a session as calls use it: a sender, an exclusive reply queue with
// a channel of its own, and the calls that wait.
type callSession struct {
	t       *Transport
	s       *session
	ch      *amqp.Channel // of the reply queue
	out     senders
	replyTo string
	failed  chan error // a channel ended though the connection did not
	wg      sync.WaitGroup
	pub     *publisher

	mu      sync.Mutex
	pending map[string]pendingCall
	dead    error
}

func (c *caller) open(s *session) (*callSession, error) {
	ch, err := s.conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel for calls: %w", err)
	}
	if err := declareServices(ch); err != nil {
		return nil, err
	}
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, fmt.Errorf("declare the reply queue: %w", err)
	}
	replies, err := ch.Consume(q.Name, "", true, true, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume the reply queue: %w", err)
	}
	pub, err := newPublisher(c.t, s)
	if err != nil {
		return nil, err
	}
	cs := &callSession{t: c.t, s: s, ch: ch, replyTo: q.Name, pub: pub,
		failed: make(chan error, 1), pending: make(map[string]pendingCall)}
	if cs.out.current, err = cs.openSender(); err != nil {
		return nil, err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	cs.wg.Go(func() {
		for d := range replies {
			code, _ := d.Headers[codeHeader].(string)
			seal, _ := d.Headers[sealHeader].(string)
			cs.deliver(d.CorrelationId, outcome{reply: rpc.Reply{Body: d.Body, Code: code, Seal: seal}}, nil)
		}
		// The reply consumer ends with its channel, or when its queue is deleted.
		select {
		case err := <-closed:
			cs.fell(errors.Join(errors.New("the channel for answers was closed"), channelError(err)))
		case <-time.After(time.Second):
			cs.fell(errors.New("the broker cancelled the reply queue"))
		}
	})
	return cs, nil
}

// nobody is the outcome of a call that the broker returned.
func (cs *callSession) nobody(function string) error {
	return &rpc.Error{Code: rpc.Unavailable, Err: rpc.ErrNobody, Message: fmt.Sprintf("nobody serves %s on the broker at %s", function, cs.t.nodes)}
}

func channelError(err *amqp.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// fell ends the session's use for a reason; the first one counts.
func (cs *callSession) fell(err error) {
	select {
	case cs.failed <- err:
	default:
	}
}

// deliver hands an outcome to the call that waits for it; one that nobody
// waits for any more is counted and dropped.
func (cs *callSession) deliver(id string, o outcome, also func()) {
	cs.mu.Lock()
	call, waits := cs.pending[id]
	cs.mu.Unlock()
	if !waits {
		cs.t.metrics.late.Inc()
		return
	}
	if o.err == nil && call.accept != nil && !call.accept(o.reply) {
		return
	}
	if also != nil {
		also()
	}
	select {
	case call.outcome <- o:
	default: // a second outcome; the first one stands
	}
}

// fail ends every pending call of a lost session. Each call finds out by
// itself whether the broker had confirmed it.
func (cs *callSession) fail(err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.dead = err
	for _, call := range cs.pending {
		select {
		case call.outcome <- outcome{err: err}:
		default:
		}
	}
}

func (cs *callSession) register(id string, room int, accept func(rpc.Reply) bool) (chan outcome, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.dead != nil {
		return nil, cs.dead
	}
	if len(cs.pending) >= maxPending {
		return nil, rpc.Errorf(rpc.Unavailable, "%d calls wait for an answer already; try again later", maxPending)
	}
	ch := make(chan outcome, room)
	cs.pending[id] = pendingCall{outcome: ch, accept: accept}
	return ch, nil
}

func (cs *callSession) forget(id string) {
	cs.mu.Lock()
	delete(cs.pending, id)
	cs.mu.Unlock()
}
