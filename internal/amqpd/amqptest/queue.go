package amqptest

import (
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// lockedText is how a queue says that it belongs to another connection.
func lockedText(queue string) string {
	return "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '" + queue + "' in vhost '{vhost}'. It could be " +
		"originally declared on another connection or the exclusive property value does not match that of the original declaration."
}

var queueTests = []test{
	{"declare/server-named", func(b *bench) {
		ch := b.channel()
		q1, err := ch.QueueDeclare("", false, false, true, false, nil)
		b.ok(err)
		q2, err := ch.QueueDeclare("", false, false, true, false, nil)
		b.ok(err)
		if !strings.HasPrefix(q1.Name, "amq.gen-") || q1.Name == q2.Name {
			b.Errorf("got names %q and %q", q1.Name, q2.Name)
		}
	}},
	{"declare/empty-name-is-the-last", func(b *bench) {
		ch := b.channel()
		q, err := ch.QueueDeclare("", false, false, true, false, nil)
		b.ok(err)
		b.send("", q.Name, "a")
		if d, ok, err := ch.Get("", true); err != nil || !ok || string(d.Body) != "a" {
			b.Errorf("got %q, %v, %v", d.Body, ok, err)
		}
	}},
	{"declare/no-last", func(b *bench) {
		_, _, err := b.channel().Get("", true)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no previously declared queue")
	}},
	{"declare/counts", func(b *bench) {
		q := b.queue(nil)
		b.send("", q, "a", "b")
		ch := b.channel()
		b.ok(ch.Qos(1, 0, false))
		in := b.consume(ch, q)
		b.expect(in, "a")
		got, err := b.channel().QueueDeclare(q, false, false, false, false, nil)
		b.ok(err)
		if got.Messages != 1 || got.Consumers != 1 {
			b.Errorf("got %d messages, %d consumers; want 1 and 1", got.Messages, got.Consumers)
		}
	}},
	{"declare/passive-missing", func(b *bench) {
		name := b.name()
		_, err := b.channel().QueueDeclarePassive(name, true, false, false, false, nil)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no queue '"+name+"' in vhost '{vhost}'")
	}},
	{"declare/inequivalent", func(b *bench) {
		q := b.queue(amqp.Table{"x-message-ttl": int32(60000)})
		text := func(arg, is string) string {
			return "PRECONDITION_FAILED - inequivalent arg '" + arg + "' for queue '" + q + "' in vhost '{vhost}': " + is
		}
		try := func(durable, autoDelete bool, args amqp.Table, want string) {
			b.Helper()
			_, err := b.channel().QueueDeclare(q, durable, autoDelete, false, false, args)
			b.refused(err, amqp.PreconditionFailed, want)
		}
		same := amqp.Table{"x-message-ttl": int64(60000)} // of another width, and yet the same
		try(true, false, same, text("durable", "received 'true' but current is 'false'"))
		try(false, true, same, text("auto_delete", "received 'true' but current is 'false'"))
		try(false, false, nil, text("x-message-ttl", "received none but current is the value '60000' of type 'signedint'"))
		try(false, false, amqp.Table{"x-message-ttl": int32(1)},
			text("x-message-ttl", "received '1' but current is '60000'"))
		try(false, false, amqp.Table{"x-message-ttl": int32(60000), "x-dead-letter-exchange": "x"},
			text("x-dead-letter-exchange", "received the value 'x' of type 'longstr' but current is none"))
		_, err := b.channel().QueueDeclare(q, false, false, false, false, same)
		b.ok(err)
	}},
	{"declare/exclusive", func(b *bench) {
		owner, other := b.channel(), b.connect()
		name := b.name()
		_, err := owner.QueueDeclare(name, false, false, true, false, nil)
		b.ok(err)
		b.dropQueue(name)
		_, err = b.channelOn(other).QueueDeclare(name, false, false, true, false, nil)
		b.refused(err, amqp.ResourceLocked, lockedText(name))
		_, err = b.channelOn(other).QueueDeclarePassive(name, false, false, true, false, nil)
		b.refused(err, amqp.ResourceLocked, lockedText(name))
		_, err = b.channelOn(other).Consume(name, "", false, false, false, false, nil)
		b.refused(err, amqp.ResourceLocked, lockedText(name))
		_, _, err = b.channelOn(other).Get(name, true)
		b.refused(err, amqp.ResourceLocked, lockedText(name))
		_, err = b.channelOn(other).QueueDelete(name, false, false, false)
		b.refused(err, amqp.ResourceLocked, lockedText(name))
		// Anyone may publish to it.
		b.ok(b.channelOn(other).PublishWithContext(b.Context(), "", name, false, false, amqp.Publishing{Body: []byte("a")}))
		b.expect(b.consume(owner, name), "a")
	}},
	{"declare/exclusive-differs", func(b *bench) {
		q := b.queue(nil)
		_, err := b.channel().QueueDeclare(q, false, false, true, false, nil)
		b.refused(err, amqp.ResourceLocked, lockedText(q))
	}},
	{"declare/reserved", func(b *bench) {
		_, err := b.channel().QueueDeclare("amq.mine", false, false, false, false, nil)
		b.refused(err, amqp.AccessRefused, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'")
	}},
	{"declare/auto-delete", func(b *bench) {
		name, ch := b.name(), b.channel()
		_, err := ch.QueueDeclare(name, false, true, false, false, nil)
		b.ok(err)
		b.size(name, 0) // it stays until it has had a consumer
		_, err = ch.Consume(name, "c", false, false, false, false, nil)
		b.ok(err)
		b.ok(ch.Cancel("c", false))
		b.gone(name)
	}},
	{"declare/auto-delete-with-its-channel", func(b *bench) {
		name, ch := b.name(), b.channel()
		_, err := ch.QueueDeclare(name, false, true, false, false, nil)
		b.ok(err)
		b.consume(ch, name)
		b.ok(ch.Close())
		b.gone(name)
	}},
	{"bind/unbind", func(b *bench) {
		x, q := b.exchange("direct", nil), b.queue(nil)
		b.bind(q, "k", x, nil)
		b.ok(b.channel().QueueUnbind(q, "other", x, nil)) // no such binding: nothing to do
		b.send(x, "k", "a")
		b.ok(b.channel().QueueUnbind(q, "k", x, nil))
		b.send(x, "k", "b")
		b.holds(q, "a")
	}},
	{"bind/missing-queue", func(b *bench) {
		name := b.name()
		err := b.channel().QueueBind(name, "k", "amq.direct", false, nil)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no queue '"+name+"' in vhost '{vhost}'")
	}},
	{"bind/ends-with-the-queue", func(b *bench) {
		x, q := b.exchange("fanout", nil), b.queue(nil)
		b.bind(q, "", x, nil)
		_, err := b.channel().QueueDelete(q, false, false, false)
		b.ok(err)
		b.ok(b.channel().ExchangeDelete(x, true, false))
	}},
	{"purge", func(b *bench) {
		q := b.queue(nil)
		b.send("", q, "a", "b", "c")
		ch := b.channel()
		b.ok(ch.Qos(1, 0, false))
		b.expect(b.consume(ch, q), "a") // unacknowledged: not purged
		n, err := b.channel().QueuePurge(q, false)
		b.ok(err)
		if n != 2 {
			b.Errorf("purged %d messages, want 2", n)
		}
		b.ok(ch.Close())
		b.holds(q, "a")
	}},
	{"purge/missing", func(b *bench) {
		name := b.name()
		_, err := b.channel().QueuePurge(name, false)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no queue '"+name+"' in vhost '{vhost}'")
	}},
	{"delete", func(b *bench) {
		q := b.queue(nil)
		b.send("", q, "a", "b")
		n, err := b.channel().QueueDelete(q, false, false, false)
		b.ok(err)
		if n != 2 {
			b.Errorf("%d messages went with the queue, want 2", n)
		}
		b.gone(q)
	}},
	{"delete/missing", func(b *bench) {
		n, err := b.channel().QueueDelete(b.name(), false, false, false)
		if err != nil || n != 0 {
			b.Errorf("got %d, %v", n, err)
		}
	}},
	{"delete/if-unused", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.consume(ch, q)
		_, err := b.channel().QueueDelete(q, true, false, false)
		b.refused(err, amqp.PreconditionFailed, "PRECONDITION_FAILED - queue '"+q+"' in vhost '{vhost}' in use")
	}},
	{"delete/if-empty", func(b *bench) {
		q := b.queue(nil)
		b.send("", q, "a")
		_, err := b.channel().QueueDelete(q, false, true, false)
		b.refused(err, amqp.PreconditionFailed, "PRECONDITION_FAILED - queue '"+q+"' in vhost '{vhost}' not empty")
	}},
}
