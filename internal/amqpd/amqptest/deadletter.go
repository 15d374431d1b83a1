package amqptest

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// deaths gives the entries of x-death.
func deaths(d amqp.Delivery) []amqp.Table {
	list, _ := d.Headers["x-death"].([]any)
	tables := []amqp.Table{}
	for _, x := range list {
		t, _ := x.(amqp.Table)
		tables = append(tables, t)
	}
	if len(tables) == 0 {
		return []amqp.Table{{}}
	}
	return tables
}

// deadLetters declares a queue that dead-letters to another, both named.
func (b *bench) deadLetters(args amqp.Table) (queue, dead string) {
	b.Helper()
	dead = b.queue(nil)
	full := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
	for k, v := range args {
		full[k] = v
	}
	return b.queue(full), dead
}

var deadLetterTests = []test{
	{"rejected", func(b *bench) {
		q, dead := b.deadLetters(nil)
		b.sendMessage("", q, amqp.Publishing{Body: []byte("a"), Headers: amqp.Table{"mine": "kept"}, CorrelationId: "7"})
		d := b.next(b.consume(b.channel(), q))
		b.ok(d.Reject(false))
		got := b.fetch(dead)
		x := deaths(got)
		if len(x) != 1 || x[0]["reason"] != "rejected" || x[0]["queue"] != q || x[0]["count"] != int64(1) || x[0]["exchange"] != "" {
			b.Errorf("x-death is %v", x)
		}
		if keys, _ := x[0]["routing-keys"].([]any); len(keys) != 1 || keys[0] != q {
			b.Errorf("x-death has routing keys %v, want %q", x[0]["routing-keys"], q)
		}
		if at, _ := x[0]["time"].(time.Time); time.Since(at).Abs() > time.Minute {
			b.Errorf("x-death has time %v", x[0]["time"])
		}
		h := got.Headers
		if h["x-first-death-reason"] != "rejected" || h["x-first-death-queue"] != q || h["x-first-death-exchange"] != "" {
			b.Errorf("headers are %v", h)
		}
		if h["mine"] != "kept" || got.CorrelationId != "7" || string(got.Body) != "a" {
			b.Errorf("the message was changed: %v %q %q", h, got.CorrelationId, got.Body)
		}
	}},
	{"expired", func(b *bench) {
		q, dead := b.deadLetters(nil)
		b.sendMessage("", q, amqp.Publishing{Body: []byte("a"), Expiration: "50"})
		got := b.fetch(dead)
		x := deaths(got)[0]
		if x["reason"] != "expired" || x["original-expiration"] != "50" || got.Expiration != "" {
			b.Errorf("x-death is %v, expiration %q", x, got.Expiration)
		}
	}},
	{"maxlen", func(b *bench) {
		q, dead := b.deadLetters(amqp.Table{"x-max-length": int32(1)})
		b.send("", q, "a", "b")
		if got := b.fetch(dead); string(got.Body) != "a" || deaths(got)[0]["reason"] != "maxlen" {
			b.Errorf("got %q with %v", got.Body, deaths(got))
		}
	}},
	{"reject-publish-dlx", func(b *bench) {
		q, dead := b.deadLetters(amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish-dlx"})
		b.send("", q, "a")
		if b.sendMessage("", q, amqp.Publishing{Body: []byte("b")}) {
			b.Error("the second was accepted")
		}
		if got := b.fetch(dead); string(got.Body) != "b" || deaths(got)[0]["reason"] != "maxlen" {
			b.Errorf("got %q with %v", got.Body, deaths(got))
		}
	}},
	{"keeps-the-routing-key", func(b *bench) {
		x, dead := b.exchange("topic", nil), b.queue(nil)
		q := b.queue(amqp.Table{"x-dead-letter-exchange": x})
		b.bind(dead, q, x, nil)
		b.sendMessage("", q, amqp.Publishing{Expiration: "0"})
		if got := b.fetch(dead); got.RoutingKey != q || got.Exchange != x {
			b.Errorf("came by exchange %q, key %q", got.Exchange, got.RoutingKey)
		}
	}},
	{"no-such-exchange", func(b *bench) {
		q := b.queue(amqp.Table{"x-dead-letter-exchange": b.name()})
		b.sendMessage("", q, amqp.Publishing{Expiration: "0"})
		b.size(q, 0)
	}},
	{"twice-counts", func(b *bench) {
		// Between two queues and back: rejected here, expired there.
		q, wait := b.name(), b.name()
		b.declare(q, false, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": wait})
		b.declare(wait, false, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": q, "x-message-ttl": int32(20)})
		b.send("", q, "a")
		in := b.consume(b.channel(), q)
		for range 2 {
			d := b.next(in)
			b.ok(d.Nack(false, false))
		}
		x := deaths(b.next(in))
		if len(x) != 2 || x[0]["reason"] != "expired" || x[0]["count"] != int64(2) || x[1]["reason"] != "rejected" || x[1]["count"] != int64(2) {
			b.Errorf("x-death is %v", x)
		}
	}},
	{"cycle-ends", func(b *bench) {
		// Expiring from one to the other for ever: the broker drops the message.
		q, other := b.name(), b.name()
		b.declare(q, false, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": other, "x-message-ttl": int32(20)})
		b.declare(other, false, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": q, "x-message-ttl": int32(20)})
		b.send("", q, "a")
		time.Sleep(200 * time.Millisecond)
		b.size(q, 0)
		b.size(other, 0)
	}},
}
