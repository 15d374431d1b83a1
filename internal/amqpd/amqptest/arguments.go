package amqptest

import (
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var argumentTests = []test{
	{"x-message-ttl", func(b *bench) {
		q := b.queue(amqp.Table{"x-message-ttl": int32(150)})
		b.send("", q, "a")
		b.size(q, 1)
		b.size(q, 0)
	}},
	{"x-message-ttl/zero", func(b *bench) {
		q, ch := b.queue(amqp.Table{"x-message-ttl": int32(0)}), b.channel()
		b.send("", q, "nobody there")
		in := b.consume(ch, q)
		b.quiet(in)
		b.send("", q, "now")
		b.expect(in, "now")
	}},
	{"x-expires", func(b *bench) {
		q, ch := b.queue(amqp.Table{"x-expires": int32(300)}), b.channel()
		in, err := ch.Consume(q, "c", false, false, false, false, nil)
		b.ok(err)
		time.Sleep(600 * time.Millisecond)
		b.send("", q, "a") // a consumer keeps it
		b.expect(in, "a")
		b.ok(ch.Cancel("c", false))
		time.Sleep(time.Second) // asking for it would be using it
		b.gone(q)
	}},
	{"x-max-length/drop-head", func(b *bench) {
		q := b.queue(amqp.Table{"x-max-length": int32(2)})
		b.send("", q, "a", "b", "c")
		b.holds(q, "b", "c")
	}},
	{"x-max-length/counts-only-ready", func(b *bench) {
		q, ch := b.queue(amqp.Table{"x-max-length": int32(1)}), b.channel()
		in := b.consume(ch, q)
		b.send("", q, "a", "b")
		b.expect(in, "a", "b")
	}},
	{"x-max-length/reject-publish", func(b *bench) {
		q := b.queue(amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"})
		if !b.sendMessage("", q, amqp.Publishing{Body: []byte("a")}) {
			b.Error("the first was refused")
		}
		if b.sendMessage("", q, amqp.Publishing{Body: []byte("b")}) {
			b.Error("the second was accepted")
		}
		b.holds(q, "a")
	}},
	{"x-max-length-bytes", func(b *bench) {
		q := b.queue(amqp.Table{"x-max-length-bytes": int32(10)})
		b.send("", q, "12345", "67890", "x")
		b.holds(q, "67890", "x")
	}},
	{"x-queue-type/classic", func(b *bench) { b.queue(amqp.Table{"x-queue-type": "classic"}) }},
	{"x-queue-type/quorum", func(b *bench) {
		q := b.name()
		b.declare(q, true, amqp.Table{"x-queue-type": "quorum"})
		b.send("", q, "a")
		b.holds(q, "a")
	}},
	{"x-queue-type/quorum-transient", func(b *bench) {
		q := b.name()
		_, err := b.channel().QueueDeclare(q, false, false, false, false, amqp.Table{"x-queue-type": "quorum"})
		b.refused(err, amqp.PreconditionFailed, "PRECONDITION_FAILED - invalid property 'non-durable' for queue '"+q+"' in vhost '{vhost}'")
	}},
	{"x-delivery-limit", func(b *bench) {
		dead := b.queue(nil)
		q := b.name()
		b.declare(q, true, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(1),
			"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
		b.send("", q, "a")
		in := b.consume(b.channel(), q)
		d := b.next(in)
		if _, ok := d.Headers["x-delivery-count"]; ok {
			b.Errorf("the first delivery has x-delivery-count %v", d.Headers["x-delivery-count"])
		}
		b.ok(d.Nack(false, true))
		d = b.next(in)
		if d.Headers["x-delivery-count"] != int64(1) || !d.Redelivered {
			b.Errorf("the second delivery has x-delivery-count %v, redelivered %v", d.Headers["x-delivery-count"], d.Redelivered)
		}
		b.ok(d.Nack(false, true))
		if d = b.fetch(dead); deaths(d)[0]["reason"] != "delivery_limit" {
			b.Errorf("dead-lettered for %v", deaths(d))
		}
	}},
	{"invalid", func(b *bench) {
		invalid := func(arg, why string) string {
			return "invalid arg '" + arg + "' for queue '{queue}' in vhost '{vhost}': " + why
		}
		for arg, tc := range map[string]struct {
			value any
			text  string
		}{
			"x-message-ttl":             {int32(-1), invalid("x-message-ttl", "{value_negative,-1}")},
			"x-expires":                 {int32(0), invalid("x-expires", "{value_zero,0}")},
			"x-max-length":              {"ten", invalid("x-max-length", `"expected integer, got longstr"`)},
			"x-overflow":                {"sideways", invalid("x-overflow", "invalid_overflow")},
			"x-dead-letter-exchange":    {int32(1), "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue '{queue}' in vhost '{vhost}'"},
			"x-dead-letter-routing-key": {"k", invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")},
			"x-queue-type":              {"nonesuch", invalid("x-queue-type", `"unsupported queue type 'nonesuch'"`)},
		} {
			q := b.name()
			_, err := b.channel().QueueDeclare(q, false, false, false, false, amqp.Table{arg: tc.value})
			b.refused(err, amqp.PreconditionFailed, "PRECONDITION_FAILED - "+strings.ReplaceAll(tc.text, "{queue}", q))
		}
	}},
}
