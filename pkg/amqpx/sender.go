package amqpx

import (
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// renewEvery bounds how often a channel that was refused is replaced: after the first
// time twice as long each, up to renewMost.
const renewEvery, renewMost = 100 * time.Millisecond, 5 * time.Second

// sender is a channel in confirm mode that calls go out on. RabbitMQ keeps, with a
// channel, which node it takes for a quorum queue's leader from the first message on;
// where that node is gone it refuses all that follow, though others lead by then. So
// a sender that was refused is replaced, and closed when its last call has ended.
type sender struct {
	ch      *amqp.Channel
	users   int
	retired bool
}

// senders holds the current one of a session.
type senders struct {
	mu      sync.Mutex
	current *sender
	renewed time.Time
	wait    time.Duration
}

// openSender makes one; its returns end with the channel.
func (cs *callSession) openSender() (*sender, error) {
	ch, err := cs.s.conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel for calls: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("put the channel for calls in confirm mode: %w", err)
	}
	returns, closed := ch.NotifyReturn(make(chan amqp.Return, 64)), ch.NotifyClose(make(chan *amqp.Error, 1))
	cs.wg.Go(func() {
		for r := range returns {
			cs.deliver(r.CorrelationId, outcome{err: cs.nobody(r.RoutingKey)}, cs.t.metrics.returned.Inc)
		}
		if err := <-closed; err != nil { // not by us
			cs.fell(fmt.Errorf("the channel for calls was closed: %w", err))
		}
	})
	return &sender{ch: ch}, nil
}

// sender takes the current one; the call gives it back by leave.
func (cs *callSession) sender() *sender {
	cs.out.mu.Lock()
	defer cs.out.mu.Unlock()
	cs.out.current.users++
	return cs.out.current
}

func (cs *callSession) leave(s *sender) {
	cs.out.mu.Lock()
	s.users--
	last := s.retired && s.users == 0
	cs.out.mu.Unlock()
	if last {
		cs.closeSender(s)
	}
}

// refused replaces a sender, if it is the current one still and that was not done
// just now. The caller must hold the sender.
func (cs *callSession) refused(s *sender) {
	if len(cs.t.nodes.list) == 1 {
		return
	}
	o := &cs.out
	o.mu.Lock()
	if since := time.Since(o.renewed); o.current != s || since < o.wait {
		o.mu.Unlock()
		return
	} else if since > healthyAfter {
		o.wait = 0
	}
	o.renewed, o.wait = time.Now(), min(max(2*o.wait, renewEvery), renewMost)
	o.mu.Unlock()
	next, err := cs.openSender()
	if err != nil {
		return // the session is ending
	}
	o.mu.Lock()
	if o.current != s { // another call was faster
		o.mu.Unlock()
		cs.closeSender(next)
		return
	}
	s.retired, o.current = true, next
	o.mu.Unlock()
}

// closeSender closes a channel that nobody waits on.
func (cs *callSession) closeSender(s *sender) {
	_ = s.ch.Close() // on a lost session it is closed already
}
