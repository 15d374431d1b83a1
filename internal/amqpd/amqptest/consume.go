package amqptest

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var consumeTests = []test{
	{"missing-queue", func(b *bench) {
		name := b.name()
		_, err := b.channel().Consume(name, "", false, false, false, false, nil)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no queue '"+name+"' in vhost '{vhost}'")
	}},
	{"no-ack", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a")
		in, err := ch.Consume(q, "", true, false, false, false, nil)
		b.ok(err)
		b.expect(in, "a")
		b.ok(ch.Close())
		b.size(q, 0)
	}},
	{"round-robin", func(b *bench) {
		q := b.queue(nil)
		one, two := b.consume(b.channel(), q), b.consume(b.channel(), q)
		b.send("", q, "a", "b", "c", "d")
		for _, in := range []<-chan amqp.Delivery{one, two} {
			b.next(in)
			b.next(in)
			b.quiet(in)
		}
	}},
	{"exclusive", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		_, err := ch.Consume(q, "c", false, true, false, false, nil)
		b.ok(err)
		text := "ACCESS_REFUSED - queue '" + q + "' in vhost '{vhost}' in exclusive use"
		_, err = b.channel().Consume(q, "", false, false, false, false, nil)
		b.refused(err, amqp.AccessRefused, text)
		b.ok(ch.Cancel("c", false))
		b.consume(b.channel(), q)
		_, err = b.channel().Consume(q, "", false, true, false, false, nil)
		b.refused(err, amqp.AccessRefused, text)
	}},
	{"cancel", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		in, err := ch.Consume(q, "c", false, false, false, false, nil)
		b.ok(err)
		b.send("", q, "a")
		d := b.next(in)
		b.ok(ch.Cancel("c", false))
		b.send("", q, "b")
		b.quiet(in)
		b.ok(d.Ack(false)) // what it has stays its own
		b.holds(q, "b")
	}},
	{"cancel/unknown", func(b *bench) { b.ok(b.channel().Cancel(b.name(), false)) }},
	{"cancel-notify", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		in, err := ch.Consume(q, "mine", false, false, false, false, nil)
		b.ok(err)
		cancelled := ch.NotifyCancel(make(chan string, 1))
		_, err = b.channel().QueueDelete(q, false, false, false)
		b.ok(err)
		select {
		case tag := <-cancelled:
			if tag != "mine" {
				b.Errorf("consumer %q was cancelled", tag)
			}
		case <-time.After(patience):
			b.Fatal("the consumer was not told that its queue is gone")
		}
		if _, ok := <-in; ok {
			b.Error("the consumer got a message")
		}
		b.roundTrip(ch, 10)
	}},
	{"tag-in-use", func(b *bench) {
		c := b.connect()
		q, err := b.channelOn(c).QueueDeclare("", false, false, true, false, nil)
		b.ok(err)
		ch := b.channelOn(c)
		_, err = ch.Consume(q.Name, "c", false, false, false, false, nil)
		b.ok(err)
		_, err = ch.Consume(q.Name, "c", false, false, false, false, nil)
		b.refused(err, amqp.NotAllowed, "NOT_ALLOWED - attempt to reuse consumer tag 'c'")
	}},
}
