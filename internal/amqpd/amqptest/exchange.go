package amqptest

import (
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"
)

var exchangeTests = []test{
	{"declare/passive-missing", func(b *bench) {
		x := b.name()
		err := b.channel().ExchangeDeclarePassive(x, "direct", false, false, false, false, nil)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no exchange '"+x+"' in vhost '{vhost}'")
	}},
	{"declare/passive-present", func(b *bench) {
		b.ok(b.channel().ExchangeDeclarePassive(b.exchange("direct", nil), "direct", false, false, false, false, nil))
	}},
	{"declare/again", func(b *bench) {
		b.ok(b.channel().ExchangeDeclare(b.exchange("topic", nil), "topic", false, false, false, false, nil))
	}},
	{"declare/predeclared", func(b *bench) {
		for name, kind := range map[string]string{"amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic",
			"amq.headers": "headers", "amq.match": "headers"} {
			b.ok(b.channel().ExchangeDeclare(name, kind, true, false, false, false, nil))
		}
	}},
	{"declare/inequivalent", func(b *bench) {
		x := b.exchange("direct", nil)
		text := func(arg, received, current string) string {
			return "PRECONDITION_FAILED - inequivalent arg '" + arg + "' for exchange '" + x + "' in vhost '{vhost}': received '" +
				received + "' but current is '" + current + "'"
		}
		ch := b.channel()
		b.refused(ch.ExchangeDeclare(x, "fanout", false, false, false, false, nil), 406, text("type", "fanout", "direct"))
		ch = b.channel()
		b.refused(ch.ExchangeDeclare(x, "direct", true, false, false, false, nil), 406, text("durable", "true", "false"))
		ch = b.channel()
		b.refused(ch.ExchangeDeclare(x, "direct", false, true, false, false, nil), 406, text("auto_delete", "true", "false"))
		ch = b.channel()
		b.refused(ch.ExchangeDeclare(x, "direct", false, false, true, false, nil), 406, text("internal", "true", "false"))
	}},
	{"declare/reserved", func(b *bench) {
		err := b.channel().ExchangeDeclare("amq.mine", "direct", false, false, false, false, nil)
		b.refused(err, amqp.AccessRefused, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'")
	}},
	{"declare/default", func(b *bench) {
		err := b.channel().ExchangeDeclare("", "direct", true, false, false, false, nil)
		b.refused(err, amqp.AccessRefused, "ACCESS_REFUSED - operation not permitted on the default exchange")
	}},
	{"declare/unknown-type", func(b *bench) {
		err := b.channelOn(b.connect()).ExchangeDeclare(b.name(), "nonesuch", false, false, false, false, nil)
		b.refused(err, amqp.CommandInvalid, "COMMAND_INVALID - unknown exchange type 'nonesuch'")
	}},
	{"declare/auto-delete", func(b *bench) {
		x, ch := b.name(), b.channel()
		b.ok(ch.ExchangeDeclare(x, "fanout", false, true, false, false, nil))
		q := b.queue(nil)
		b.bind(q, "", x, nil)
		b.ok(ch.QueueUnbind(q, "", x, nil))
		err := ch.ExchangeDeclarePassive(x, "fanout", false, true, false, false, nil)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no exchange '"+x+"' in vhost '{vhost}'")
	}},
	{"declare/internal", func(b *bench) {
		x, ch := b.name(), b.channel()
		b.ok(ch.ExchangeDeclare(x, "fanout", false, false, true, false, nil))
		b.dropExchange(x)
		ended := watch(ch)
		b.ok(ch.PublishWithContext(b.Context(), x, "", false, false, amqp.Publishing{}))
		b.closes(ended, amqp.AccessRefused, "ACCESS_REFUSED - cannot publish to internal exchange '"+x+"' in vhost '{vhost}'")
	}},
	{"delete/missing", func(b *bench) { b.ok(b.channel().ExchangeDelete(b.name(), false, false)) }},
	{"delete/if-unused", func(b *bench) {
		x := b.exchange("direct", nil)
		q := b.queue(nil)
		b.bind(q, "k", x, nil)
		err := b.channel().ExchangeDelete(x, true, false)
		b.refused(err, amqp.PreconditionFailed, "PRECONDITION_FAILED - exchange '"+x+"' in vhost '{vhost}' in use")
		b.ok(b.channel().QueueUnbind(q, "k", x, nil))
		b.ok(b.channel().ExchangeDelete(x, true, false))
	}},
	{"delete/predeclared", func(b *bench) {
		err := b.channel().ExchangeDelete("amq.direct", false, false)
		b.refused(err, amqp.AccessRefused, "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '{vhost}' not allowed")
	}},
	{"route/direct", func(b *bench) {
		x, q1, q2 := b.exchange("direct", nil), b.queue(nil), b.queue(nil)
		b.bind(q1, "one", x, nil)
		b.bind(q1, "both", x, nil)
		b.bind(q2, "both", x, nil)
		b.send(x, "one", "1")
		b.send(x, "both", "2")
		b.send(x, "none", "3")
		b.holds(q1, "1", "2")
		b.holds(q2, "2")
	}},
	{"route/fanout", func(b *bench) {
		x, q1, q2 := b.exchange("fanout", nil), b.queue(nil), b.queue(nil)
		b.bind(q1, "a", x, nil)
		b.bind(q1, "b", x, nil) // twice bound, once delivered
		b.bind(q2, "", x, nil)
		b.send(x, "whatever", "1")
		b.holds(q1, "1")
		b.holds(q2, "1")
	}},
	{"route/topic", func(b *bench) {
		x := b.exchange("topic", nil)
		keys := []string{"a", "a.b", "a.b.c", "b", "b.a", "", "a.", "a..c"}
		for pattern, want := range map[string][]string{
			"#":     keys,
			"a":     {"a"},
			"a.*":   {"a.b", "a."},
			"a.#":   {"a", "a.b", "a.b.c", "a.", "a..c"},
			"*":     {"a", "b"},
			"*.a":   {"b.a"},
			"a.*.c": {"a.b.c", "a..c"},
			"#.c":   {"a.b.c", "a..c"},
			"#.#.b": {"a.b", "b"},
		} {
			q := b.queue(nil)
			b.bind(q, pattern, x, nil)
			defer func() { b.Log(pattern); b.holds(q, want...) }()
		}
		for _, key := range keys {
			b.send(x, key, key)
		}
	}},
	{"route/headers", func(b *bench) {
		x := b.exchange("headers", nil)
		all, anyOf, none := b.queue(nil), b.queue(nil), b.queue(nil)
		b.bind(all, "", x, amqp.Table{"x-match": "all", "a": int32(1), "b": "two"})
		b.bind(anyOf, "", x, amqp.Table{"x-match": "any", "a": int32(1), "b": "two"})
		b.bind(none, "", x, amqp.Table{"x-match": "all", "c": true})
		b.sendMessage(x, "", amqp.Publishing{Headers: amqp.Table{"z": "z"}, Body: []byte("neither")})
		b.sendMessage(x, "", amqp.Publishing{Headers: amqp.Table{"a": int64(1)}, Body: []byte("half")})
		b.sendMessage(x, "", amqp.Publishing{Headers: amqp.Table{"a": int32(1), "b": "two", "d": "more"}, Body: []byte("both")})
		b.holds(all, "both")
		b.holds(anyOf, "half", "both")
		b.holds(none)
	}},
	{"bind/exchange", func(b *bench) {
		from, to, q, ch := b.exchange("topic", nil), b.exchange("fanout", nil), b.queue(nil), b.channel()
		b.ok(ch.ExchangeBind(to, "a.#", from, false, nil))
		b.ok(ch.ExchangeBind(from, "", to, false, nil)) // a circle, which must not be run round
		b.bind(q, "", to, nil)
		b.send(from, "a.b", "1")
		b.send(from, "b", "2")
		b.holds(q, "1")
		b.ok(ch.ExchangeUnbind(to, "a.#", from, false, nil))
		b.send(from, "a.b", "3")
		b.holds(q)
	}},
	{"bind/missing-exchange", func(b *bench) {
		x := b.name()
		err := b.channel().QueueBind(b.queue(nil), "k", x, false, nil)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no exchange '"+x+"' in vhost '{vhost}'")
	}},
	{"bind/default-exchange", func(b *bench) {
		err := b.channel().QueueBind(b.queue(nil), "k", "", false, nil)
		b.refused(err, amqp.AccessRefused, "ACCESS_REFUSED - operation not permitted on the default exchange")
	}},
	{"alternate-exchange", func(b *bench) {
		alt, q := b.exchange("fanout", nil), b.queue(nil)
		b.bind(q, "", alt, nil)
		x := b.exchange("direct", amqp.Table{"alternate-exchange": alt})
		b.send(x, "nowhere", "1")
		b.holds(q, "1")
	}},
}

// holds empties the queue and checks the bodies, whatever their order.
func (b *bench) holds(queue string, bodies ...string) {
	b.Helper()
	b.size(queue, len(bodies))
	var got []string
	for range bodies {
		got = append(got, string(b.fetch(queue).Body))
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(bodies))
	if !slices.Equal(got, want) {
		b.Errorf("queue holds %q, want %q", got, want)
	}
}
