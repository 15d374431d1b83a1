package amqptest

import amqp "github.com/rabbitmq/amqp091-go"

var basicTests = []test{
	{"get", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		if _, ok, err := ch.Get(q, false); ok || err != nil {
			b.Fatalf("an empty queue gave %v, %v", ok, err)
		}
		b.send("", q, "a", "b")
		d, ok, err := ch.Get(q, false)
		b.ok(err)
		if !ok || string(d.Body) != "a" || d.MessageCount != 1 || d.RoutingKey != q || d.Redelivered {
			b.Errorf("got %+v", d)
		}
		b.ok(d.Ack(false))
		_, _, err = ch.Get(q, true)
		b.ok(err)
		b.ok(ch.Close())
		b.size(q, 0)
	}},
	{"get/missing-queue", func(b *bench) {
		name := b.name()
		_, _, err := b.channel().Get(name, true)
		b.refused(err, amqp.NotFound, "NOT_FOUND - no queue '"+name+"' in vhost '{vhost}'")
	}},
	{"ack", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b")
		ds := b.expect(b.consume(ch, q), "a", "b")
		b.ok(ds[1].Ack(false))
		b.ok(ch.Close())
		b.holds(q, "a")
	}},
	{"ack/multiple", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b", "c")
		ds := b.expect(b.consume(ch, q), "a", "b", "c")
		b.ok(ds[1].Ack(true))
		b.ok(ch.Close())
		b.holds(q, "c")
	}},
	{"ack/all", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b")
		b.expect(b.consume(ch, q), "a", "b")
		b.ok(ch.Ack(0, true))
		b.ok(ch.Close())
		b.size(q, 0)
	}},
	{"ack/unknown", func(b *bench) {
		ch := b.channel()
		ended := watch(ch)
		b.ok(ch.Ack(99, false))
		b.closes(ended, amqp.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag 99")
	}},
	{"ack/twice", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b")
		ds := b.expect(b.consume(ch, q), "a", "b")
		ended := watch(ch)
		b.ok(ds[0].Ack(false))
		b.ok(ds[0].Ack(false))
		b.closes(ended, amqp.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag 1")
		b.holds(q, "b")
	}},
	{"nack/requeue-keeps-the-order", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b", "c", "d")
		b.ok(ch.Qos(3, 0, false))
		in, err := ch.Consume(q, "c", false, false, false, false, nil)
		b.ok(err)
		ds := b.expect(in, "a", "b", "c")
		b.ok(ch.Cancel("c", false))
		b.ok(ds[2].Nack(true, true))
		b.size(q, 4)
		for _, want := range []string{"a", "b", "c", "d"} {
			if got := b.fetch(q); string(got.Body) != want || got.Redelivered != (want != "d") {
				b.Errorf("got %q, redelivered %v; want %q", got.Body, got.Redelivered, want)
			}
		}
	}},
	{"nack/drop", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b")
		ds := b.expect(b.consume(ch, q), "a", "b")
		b.ok(ds[1].Nack(true, false))
		b.ok(ch.Close())
		b.size(q, 0)
	}},
	{"reject/requeue", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a")
		in := b.consume(ch, q)
		d := b.next(in)
		b.ok(d.Reject(true))
		if d = b.next(in); !d.Redelivered {
			b.Error("the message is not marked redelivered")
		}
		b.ok(d.Ack(false))
	}},
	{"recover", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b")
		in := b.consume(ch, q)
		b.expect(in, "a", "b")
		//lint:ignore SA1019 deprecated, and still served
		b.ok(ch.Recover(true))
		if ds := b.expect(in, "a", "b"); !ds[0].Redelivered {
			b.Error("the message is not marked redelivered")
		}
	}},
	{"recover/no-requeue", func(b *bench) {
		//lint:ignore SA1019 deprecated, and still served
		b.refused(b.channelOn(b.connect()).Recover(false), amqp.NotImplemented, "NOT_IMPLEMENTED - requeue=false")
	}},
	{"qos/prefetch", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.ok(ch.Qos(2, 0, false))
		b.send("", q, "a", "b", "c", "d")
		in := b.consume(ch, q)
		ds := b.expect(in, "a", "b")
		b.quiet(in)
		b.ok(ds[0].Ack(false))
		b.expect(in, "c")
		b.quiet(in)
	}},
	{"qos/per-consumer", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b", "c", "d", "e", "f")
		b.ok(ch.Qos(1, 0, false))
		one := b.consume(ch, q)
		b.expect(one, "a")
		b.ok(ch.Qos(2, 0, false)) // for consumers to come only
		two := b.consume(ch, q)
		b.expect(two, "b", "c")
		b.quiet(one)
		b.quiet(two)
	}},
	{"qos/global", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.send("", q, "a", "b", "c", "d", "e")
		b.ok(ch.Qos(3, 0, true))
		both := make(chan amqp.Delivery, 10)
		for range 2 {
			in := b.consume(ch, q)
			go func() {
				for d := range in {
					both <- d
				}
			}()
		}
		var last amqp.Delivery
		for range 3 {
			last = b.next(both)
		}
		b.quiet(both)
		b.ok(last.Ack(false))
		b.next(both)
		b.quiet(both)
	}},
	{"qos/no-ack-ignores-it", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.ok(ch.Qos(1, 0, false))
		b.send("", q, "a", "b", "c")
		in, err := ch.Consume(q, "", true, false, false, false, nil)
		b.ok(err)
		b.expect(in, "a", "b", "c")
	}},
	{"qos/size", func(b *bench) {
		err := b.channelOn(b.connect()).Qos(0, 7, false)
		b.refused(err, amqp.NotImplemented, "NOT_IMPLEMENTED - prefetch_size!=0 (7)")
	}},
}
