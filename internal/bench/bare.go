package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// bare is the least that a call over AMQP takes, with nothing of AGATA: the request
// to a queue like a service's, the same bytes back to the caller's own queue, on
// two connections, with one goroutine that serves. It is what BaseService is held
// against.
type bare struct {
	queue          string
	server, client *amqp.Connection
	ch             *amqp.Channel // the client's
	replies        string
	answers        []chan struct{} // by caller
	// confirmed has requests be mandatory, and waits for the broker's word besides, as
	// AGATA's calls do: what those two promises cost by themselves.
	confirmed bool

	wg sync.WaitGroup
}

// newBare begins to serve; the queue is its own.
func newBare(url, queue string, callers int, confirmed bool) (b *bare, err error) {
	b = &bare{queue: queue, confirmed: confirmed}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("the bare loop: %w", err), b.close())
		}
	}()
	if b.server, err = amqp.Dial(url); err != nil {
		return b, err
	}
	if b.client, err = amqp.Dial(url); err != nil {
		return b, err
	}
	if err := b.serve(); err != nil {
		return b, err
	}
	if b.ch, err = b.client.Channel(); err != nil {
		return b, err
	}
	if confirmed {
		if err := b.ch.Confirm(false); err != nil {
			return b, err
		}
	}
	q, err := b.ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return b, err
	}
	b.replies = q.Name
	replies, err := b.ch.Consume(q.Name, "", true, true, false, false, nil)
	if err != nil {
		return b, err
	}
	for range callers {
		b.answers = append(b.answers, make(chan struct{}, 1))
	}
	b.wg.Go(func() {
		for d := range replies {
			if i, err := strconv.Atoi(d.CorrelationId); err == nil {
				b.answers[i] <- struct{}{}
			}
		}
		for _, a := range b.answers {
			close(a)
		}
	})
	return b, nil
}

func (b *bare) serve() error {
	ch, err := b.server.Channel()
	if err != nil {
		return err
	}
	if err := ch.Qos(128, 0, false); err != nil {
		return err
	}
	if _, err := ch.QueueDeclare(b.queue, true, false, false, false, nil); err != nil {
		return err
	}
	work, err := ch.Consume(b.queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	b.wg.Go(func() {
		for d := range work {
			// What fails here fails the caller, which has no answer then.
			_ = ch.PublishWithContext(context.Background(), "", d.ReplyTo, false, false, amqp.Publishing{CorrelationId: d.CorrelationId, Body: d.Body})
			_ = d.Ack(false)
		}
	})
	return nil
}

// call is one call of a caller.
func (b *bare) call(ctx context.Context, caller int, body []byte) error {
	p := amqp.Publishing{CorrelationId: strconv.Itoa(caller), ReplyTo: b.replies, Body: body}
	confirm, err := b.ch.PublishWithDeferredConfirm("", b.queue, b.confirmed, false, p)
	if err != nil {
		return err
	}
	select {
	case _, ok := <-b.answers[caller]:
		if !ok {
			return amqp.ErrClosed
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	if confirm == nil {
		return nil
	}
	if acked, err := confirm.WaitContext(ctx); err != nil || !acked {
		return fmt.Errorf("the broker did not confirm a request: %w", err)
	}
	return nil
}

func (b *bare) close() error {
	var err error
	for _, c := range []*amqp.Connection{b.client, b.server} {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	b.wg.Wait()
	return err
}
