package amqpx

import (
	"context"
	"fmt"
)

// subscribePrefetch is how many messages wait in a subscriber.
const subscribePrefetch = 200

// Subscribe implements [rpc.Transport]: one message at a time, in order.
func (t *Transport) Subscribe(ctx context.Context, queue string, fn func(body []byte) error) error {
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
		for {
			select {
			case <-ctx.Done():
				return nil
			case d, ok := <-deliveries:
				if !ok {
					return fmt.Errorf("the broker ended the consumer of %s", queue)
				}
				if err := fn(d.Body); err != nil {
					return fmt.Errorf("take a message of %s: %w", queue, err)
				}
				if err := d.Ack(false); err != nil {
					return fmt.Errorf("acknowledge a message of %s: %w", queue, err)
				}
			}
		}
	})
}
