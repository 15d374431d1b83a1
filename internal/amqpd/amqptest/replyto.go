package amqptest

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// replyTo is the pseudo-queue of direct reply-to.
const replyTo = "amq.rabbitmq.reply-to"

var replyTests = []test{
	{"call", func(b *bench) {
		q := b.queue(nil)
		client, server := b.channelOn(b.connect()), b.channel()
		replies, err := client.Consume(replyTo, "", true, false, false, false, nil)
		b.ok(err)
		b.ok(client.PublishWithContext(b.Context(), "", q, false, false, amqp.Publishing{ReplyTo: replyTo, CorrelationId: "7", Body: []byte("hi")}))
		d := b.next(b.consume(server, q))
		if d.ReplyTo == replyTo || d.CorrelationId != "7" {
			b.Fatalf("the request says reply to %q, correlation id %q", d.ReplyTo, d.CorrelationId)
		}
		if _, err := server.QueueDeclarePassive(d.ReplyTo, false, false, false, false, nil); err != nil {
			b.Errorf("the address is not known to queue.declare: %v", err)
		}
		b.ok(server.PublishWithContext(b.Context(), "", d.ReplyTo, true, false, amqp.Publishing{CorrelationId: "7", Body: []byte("ho")}))
		b.ok(d.Ack(false))
		if got := b.next(replies); string(got.Body) != "ho" || got.CorrelationId != "7" {
			b.Errorf("got %q, correlation id %q", got.Body, got.CorrelationId)
		}
	}},
	{"client-gone", func(b *bench) {
		q := b.queue(nil)
		c := b.connect()
		client, server := b.channelOn(c), b.channel()
		_, err := client.Consume(replyTo, "", true, false, false, false, nil)
		b.ok(err)
		b.ok(client.PublishWithContext(b.Context(), "", q, false, false, amqp.Publishing{ReplyTo: replyTo}))
		d := b.next(b.consume(server, q))
		b.ok(c.Close())
		returns := server.NotifyReturn(make(chan amqp.Return, 1))
		b.ok(server.PublishWithContext(b.Context(), "", d.ReplyTo, true, false, amqp.Publishing{}))
		select {
		case r := <-returns:
			if r.ReplyCode != amqp.NoRoute {
				b.Errorf("got %+v", r)
			}
		case <-time.After(patience):
			b.Error("a reply to nobody was not returned")
		}
	}},
	{"must-be-no-ack", func(b *bench) {
		_, err := b.channel().Consume(replyTo, "", false, false, false, false, nil)
		b.refused(err, amqp.PreconditionFailed, "PRECONDITION_FAILED - reply consumer cannot acknowledge")
	}},
	{"once-a-channel", func(b *bench) {
		ch := b.channel()
		_, err := ch.Consume(replyTo, "a", true, false, false, false, nil)
		b.ok(err)
		_, err = ch.Consume(replyTo, "b", true, false, false, false, nil)
		b.refused(err, amqp.PreconditionFailed, "PRECONDITION_FAILED - reply consumer already set")
	}},
	{"publish-needs-a-consumer", func(b *bench) {
		ch := b.channel()
		ended := watch(ch)
		b.ok(ch.PublishWithContext(b.Context(), "", "k", false, false, amqp.Publishing{ReplyTo: replyTo}))
		b.closes(ended, amqp.PreconditionFailed, "PRECONDITION_FAILED - fast reply consumer does not exist")
	}},
}
