package amqpx

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// subscribePrefetch is how many messages the broker sends before they are acknowledged.
const subscribePrefetch = 1000

// subscribeMost is how many messages a batch holds: while it is dealt with, the next one comes.
const subscribeMost = 500

// linger is how long a batch is gathered at most.
const linger = 5 * time.Millisecond

// Subscribe implements [rpc.Transport]: one message at a time, in order.
func (t *Transport) Subscribe(ctx context.Context, queue string, fn func(body []byte) error) error {
	return t.subscribe(ctx, queue, 1, func(bodies [][]byte) error { return fn(bodies[0]) })
}

// SubscribeBatch implements [rpc.Transport]: at most 500 messages at once, which
// are acknowledged together.
func (t *Transport) SubscribeBatch(ctx context.Context, queue string, fn func(bodies [][]byte) error) error {
	return t.subscribe(ctx, queue, subscribeMost, fn)
}

func (t *Transport) subscribe(ctx context.Context, queue string, most int, fn func(bodies [][]byte) error) error {
	return t.keep(ctx, "subscribe", func(ctx context.Context, s *session) error {
		ch, err := s.conn.Channel()
		if err != nil {
			return fmt.Errorf("open a channel to read %s: %w", queue, err)
		}
		if err := ch.Qos(subscribePrefetch, 0, false); err != nil {
			return fmt.Errorf("set the prefetch of %s: %w", queue, err)
		}
		if err := t.declareQueue(ch, queue); err != nil {
			return err
		}
		deliveries, err := ch.Consume(queue, consumerTag, false, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("consume %s: %w", queue, err)
		}
		bodies := make([][]byte, 0, most)
		for {
			select {
			case <-ctx.Done():
				return nil
			case d, ok := <-deliveries:
				if !ok {
					return fmt.Errorf("the broker ended the consumer of %s", queue)
				}
				var last amqp.Delivery
				bodies, last = gather(bodies[:0], d, deliveries, most)
				if err := fn(bodies); err != nil {
					return fmt.Errorf("take %d messages of %s: %w", len(bodies), queue, err)
				}
				if err := last.Ack(true); err != nil {
					return fmt.Errorf("acknowledge %d messages of %s: %w", len(bodies), queue, err)
				}
			}
		}
	})
}

// gather puts what has come already behind the first message, up to most, and
// returns the last one. It lingers for a moment, since the library hands messages
// over one by one.
func gather(bodies [][]byte, first amqp.Delivery, more <-chan amqp.Delivery, most int) ([][]byte, amqp.Delivery) {
	bodies, last := append(bodies, first.Body), first
	if most == 1 {
		return bodies, last
	}
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for len(bodies) < most {
		select {
		case d, ok := <-more:
			if !ok {
				return bodies, last
			}
			bodies, last = append(bodies, d.Body), d
		case <-timer.C:
			return bodies, last
		}
	}
	return bodies, last
}
