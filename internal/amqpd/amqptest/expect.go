package amqptest

import (
	"errors"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// send publishes bodies, in order, and waits until the broker has confirmed them.
func (b *bench) send(exchange, key string, bodies ...string) {
	b.Helper()
	for _, body := range bodies {
		b.sendMessage(exchange, key, amqp.Publishing{Body: []byte(body)})
	}
}

// sendMessage publishes and reports whether the broker confirmed with an ack.
func (b *bench) sendMessage(exchange, key string, m amqp.Publishing) bool {
	b.Helper()
	ch := b.channel()
	defer ch.Close()
	b.ok(ch.Confirm(false))
	c, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, m)
	b.ok(err)
	select {
	case <-c.Done():
	case <-time.After(patience):
		b.Fatalf("the publish to %q %q was not confirmed", exchange, key)
	}
	return c.Acked()
}

// consume subscribes with acknowledgements.
func (b *bench) consume(ch *amqp.Channel, queue string) <-chan amqp.Delivery {
	b.Helper()
	in, err := ch.Consume(queue, "", false, false, false, false, nil)
	b.ok(err)
	return in
}

// next waits for a delivery.
func (b *bench) next(in <-chan amqp.Delivery) amqp.Delivery {
	b.Helper()
	select {
	case d, ok := <-in:
		if !ok {
			b.Fatal("the consumer ended instead of receiving a message")
		}
		return d
	case <-time.After(patience):
		b.Fatal("no message came")
	}
	panic("unreachable")
}

// expect waits for deliveries with these bodies, in order.
func (b *bench) expect(in <-chan amqp.Delivery, bodies ...string) []amqp.Delivery {
	b.Helper()
	var ds []amqp.Delivery
	for _, want := range bodies {
		d := b.next(in)
		if string(d.Body) != want {
			b.Fatalf("got %q, want %q", d.Body, want)
		}
		ds = append(ds, d)
	}
	return ds
}

// quiet fails the test if anything is delivered within a short while.
func (b *bench) quiet(in <-chan amqp.Delivery) {
	b.Helper()
	select {
	case d, ok := <-in:
		if ok {
			b.Fatalf("got %q, want nothing", d.Body)
		}
	case <-time.After(150 * time.Millisecond):
	}
}

// fetch waits until basic.get finds a message, and acknowledges it.
func (b *bench) fetch(queue string) amqp.Delivery {
	b.Helper()
	ch := b.channel()
	defer ch.Close()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		d, ok, err := ch.Get(queue, true)
		b.ok(err)
		if ok {
			return d
		}
	}
	b.Fatalf("no message came to queue %s", queue)
	panic("unreachable")
}

// size waits until the queue holds n ready messages.
func (b *bench) size(queue string, n int) {
	b.Helper()
	ch := b.channel()
	defer ch.Close()
	got := -1
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
		b.ok(err)
		if got = q.Messages; got == n {
			return
		}
	}
	b.Fatalf("queue %s holds %d messages, want %d", queue, got, n)
}

// gone waits until there is no such queue.
func (b *bench) gone(queue string) {
	b.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		ch := b.channel()
		_, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
		ch.Close()
		if e, ok := errors.AsType[*amqp.Error](err); ok && e.Code == amqp.NotFound {
			return
		}
	}
	b.Fatalf("queue %s is still there", queue)
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// refused checks for an error with this code and text, in which {vhost} stands
// for the virtual host's name.
func (b *bench) refused(err error, code int, text string) {
	b.Helper()
	text = strings.ReplaceAll(text, "{vhost}", b.vhost)
	if len(text) > 255 { // as brokers cut it, to fit a short string
		text = text[:252] + "..."
	}
	e, ok := errors.AsType[*amqp.Error](err)
	if !ok {
		b.Fatalf("got error %v, want %d %q", err, code, text)
	}
	if e.Code != code || e.Reason != text {
		b.Errorf("got  %d %q\nwant %d %q", e.Code, e.Reason, code, text)
	}
}

// watch is what a channel or a connection says when it ends.
func watch(c interface {
	NotifyClose(chan *amqp.Error) chan *amqp.Error
}) <-chan *amqp.Error {
	return c.NotifyClose(make(chan *amqp.Error, 1))
}

// closes waits for the end of a channel or connection with this code and text.
func (b *bench) closes(ended <-chan *amqp.Error, code int, text string) {
	b.Helper()
	select {
	case e := <-ended:
		if e == nil {
			b.Fatalf("it closed in peace, want %d %q", code, text)
		}
		b.refused(e, code, text)
	case <-time.After(patience):
		b.Fatalf("it is still open, want %d %q", code, text)
	}
}
