package amqpx

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/rpc"
)

// maxAnswers bounds the answers that one question gathers.
const maxAnswers = 1000

// introspect answers the questions that come to every service, on a queue of
// its own that ends with the session.
func (t *Transport) introspect(s *session, answer func(kind string) []byte, readers *sync.WaitGroup) error {
	ch, err := s.conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel for introspection: %w", err)
	}
	if err := declareServices(ch); err != nil {
		return err
	}
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return fmt.Errorf("declare the queue for introspection: %w", err)
	}
	if err := ch.QueueBind(q.Name, "", servicesExchange, false, nil); err != nil {
		return fmt.Errorf("bind the queue for introspection: %w", err)
	}
	questions, err := ch.Consume(q.Name, consumerTag, true, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume the queue for introspection: %w", err)
	}
	readers.Go(func() {
		for d := range questions {
			body := answer(d.Type)
			if body == nil || d.ReplyTo == "" {
				continue
			}
			p := amqp.Publishing{ContentType: "application/json", CorrelationId: d.CorrelationId, Body: body}
			if err := ch.PublishWithContext(context.Background(), "", d.ReplyTo, false, false, p); err != nil {
				t.log.Debug("an answer about this service was not sent", "err", err)
			}
		}
	})
	return nil
}

// Ask implements [rpc.Transport].
func (t *Transport) Ask(ctx context.Context, kind string, wait time.Duration) ([][]byte, error) {
	cs, err := t.caller.session(ctx)
	if err != nil {
		return nil, err
	}
	id := uuid.NewString()
	answers, err := cs.register(id, maxAnswers, nil)
	if err != nil {
		return nil, rpc.Errorf(rpc.Unavailable, "ask the services: %w", err)
	}
	defer cs.forget(id)
	err = cs.ch.PublishWithContext(ctx, servicesExchange, "", false, false, amqp.Publishing{
		CorrelationId: id, ReplyTo: cs.replyTo, Type: kind, Expiration: "5000",
	})
	if err != nil {
		return nil, lost(kind, false, err)
	}
	var found [][]byte
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case o := <-answers:
			if o.err != nil {
				return found, lost(kind, true, o.err)
			}
			found = append(found, o.reply.Body)
		case <-timer.C:
			return found, nil
		case <-ctx.Done():
			return found, nil
		}
	}
}
