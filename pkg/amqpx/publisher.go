package amqpx

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/rpc"
)

// batch bounds the messages of one Publish that are unconfirmed at once, and
// so the room for those that the broker returns.
const batch = 256

// publisher puts messages on queues, on a channel of its own: a return is in
// its buffer before the confirm of the same message is known, so draining the
// buffer after the confirms finds every return.
type publisher struct {
	t       *Transport
	s       *session
	ch      *amqp.Channel
	returns chan amqp.Return

	mu       sync.Mutex // one batch at a time
	declared map[string]bool
}

func newPublisher(t *Transport, s *session) (*publisher, error) {
	p := &publisher{t: t, s: s, declared: make(map[string]bool)}
	return p, p.open()
}

func (p *publisher) open() error {
	ch, err := p.s.conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel for messages: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("put the channel for messages in confirm mode: %w", err)
	}
	p.ch, p.returns = ch, ch.NotifyReturn(make(chan amqp.Return, batch))
	return nil
}

// renew takes another channel after a refusal, for the reason that [sender] tells.
func (p *publisher) renew() {
	old := p.ch
	if len(p.t.nodes.list) == 1 || p.s.within(setupTimeout, p.open) != nil {
		return
	}
	_ = old.Close() // nobody waits on it
}

// Publish implements [rpc.Publisher]. When it fails, some of the messages may
// be on the queue.
func (t *Transport) Publish(ctx context.Context, queue string, bodies ...[]byte) error {
	cs, err := t.caller.session(ctx)
	if err != nil {
		return err
	}
	if err := t.refuses(cs.s); err != nil {
		return err
	}
	for len(bodies) > 0 {
		n := min(len(bodies), batch)
		if err := cs.pub.publish(ctx, queue, bodies[:n]); err != nil {
			return err
		}
		bodies = bodies[n:]
	}
	return nil
}

func (p *publisher) publish(ctx context.Context, queue string, bodies [][]byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.declared[queue] {
		if err := p.s.within(setupTimeout, func() error { return p.t.declareQueue(p.ch, queue) }); err != nil {
			return rpc.Errorf(rpc.Unavailable, "%w", err)
		}
		p.declared[queue] = true
	}
	confirms := make([]*amqp.DeferredConfirmation, len(bodies))
	for i, body := range bodies {
		c, err := p.ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{
			ContentType: "application/json", MessageId: uuid.NewString(), DeliveryMode: amqp.Persistent, Body: body,
		})
		if err != nil {
			return lost(queue, i > 0, err)
		}
		confirms[i] = c
	}
	var failure error
	refused := false
	defer func() {
		if refused {
			p.renew()
		}
	}()
	for _, c := range confirms {
		acked, err := c.WaitContext(ctx)
		switch {
		case err != nil:
			return rpc.Errorf(rpc.Deadline, "the broker did not confirm a message for %s: %w", queue, err)
		case !acked:
			refused = true
			failure = rpc.Errorf(rpc.Unavailable, "the broker did not take a message for %s", queue)
		}
	}
	for {
		select {
		case _, ok := <-p.returns:
			if !ok {
				return failure
			}
			p.declared[queue] = false
			failure = rpc.Errorf(rpc.Unavailable, "the queue %s is gone from the broker", queue)
			continue
		default:
		}
		return failure
	}
}
