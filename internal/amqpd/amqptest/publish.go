package amqptest

import (
	"fmt"
	"reflect"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var publishTests = []test{
	{"sizes", func(b *bench) {
		ch := b.channel()
		for _, n := range []int{0, 1, 131072 - 8, 131072 - 7, 1 << 20} {
			b.roundTrip(ch, n)
		}
	}},
	{"properties", func(b *bench) {
		q := b.queue(nil)
		want := amqp.Publishing{
			Headers: amqp.Table{"nil": nil, "bool": true, "byte": byte(1), "int8": int8(-1), "int16": int16(-2), "int32": int32(-3), "int64": int64(-4),
				"float32": float32(1.5), "float64": 2.5, "text": "ä", "bytes": []byte{0, 1}, "time": time.Unix(1700000000, 0),
				"table": amqp.Table{"in": "side"}, "array": []any{int32(1), "two"}, "decimal": amqp.Decimal{Scale: 2, Value: 314}},
			ContentType: "application/json", ContentEncoding: "identity", DeliveryMode: amqp.Persistent, Priority: 3,
			CorrelationId: "c", ReplyTo: "r", Expiration: "60000", MessageId: "m", Timestamp: time.Unix(1700000001, 0),
			Type: "t", UserId: "guest", AppId: "a", Body: []byte("body"),
		}
		b.sendMessage("", q, want)
		d := b.fetch(q)
		got := amqp.Publishing{Headers: d.Headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding,
			DeliveryMode: d.DeliveryMode, Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo,
			Expiration: d.Expiration, MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, UserId: d.UserId,
			AppId: d.AppId, Body: d.Body}
		if !reflect.DeepEqual(got, want) {
			b.Errorf("got  %+v\nwant %+v", got, want)
		}
	}},
	{"missing-exchange", func(b *bench) {
		x, ch := b.name(), b.channel()
		ended := watch(ch)
		b.ok(ch.PublishWithContext(b.Context(), x, "k", false, false, amqp.Publishing{}))
		b.closes(ended, amqp.NotFound, "NOT_FOUND - no exchange '"+x+"' in vhost '{vhost}'")
	}},
	{"unroutable-is-confirmed", func(b *bench) {
		if !b.sendMessage("", b.name(), amqp.Publishing{}) {
			b.Error("an unroutable message was refused")
		}
	}},
	{"mandatory/return-then-confirm", func(b *bench) {
		ch, key := b.channel(), b.name()
		b.ok(ch.Confirm(false))
		returns := ch.NotifyReturn(make(chan amqp.Return, 1))
		c, err := ch.PublishWithDeferredConfirm("", key, true, false, amqp.Publishing{MessageId: "m", Body: []byte("a")})
		b.ok(err)
		<-c.Done()
		select { // the client hands returns on before it reads the confirm
		case r := <-returns:
			if r.ReplyCode != amqp.NoRoute || r.ReplyText != "NO_ROUTE" || r.RoutingKey != key || r.MessageId != "m" || string(r.Body) != "a" {
				b.Errorf("got %+v", r)
			}
		default:
			b.Error("no return came before the confirm")
		}
		if !c.Acked() {
			b.Error("the publish was refused")
		}
	}},
	{"mandatory/routed", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.ok(ch.Confirm(false))
		returns := ch.NotifyReturn(make(chan amqp.Return, 1))
		c, err := ch.PublishWithDeferredConfirm("", q, true, false, amqp.Publishing{})
		b.ok(err)
		<-c.Done()
		if len(returns) > 0 {
			b.Error("a routed message was returned")
		}
		b.size(q, 1)
	}},
	{"immediate", func(b *bench) {
		c := b.connect()
		ended := watch(c)
		b.ok(b.channelOn(c).PublishWithContext(b.Context(), "", "k", false, true, amqp.Publishing{}))
		b.closes(ended, amqp.NotImplemented, "NOT_IMPLEMENTED - immediate=true")
	}},
	{"confirm/in-order", func(b *bench) {
		q, ch := b.queue(nil), b.channel()
		b.ok(ch.Confirm(false))
		const n = 1000
		confirms := ch.NotifyPublish(make(chan amqp.Confirmation, n))
		for i := range n {
			b.ok(ch.PublishWithContext(b.Context(), "", q, false, false, amqp.Publishing{Body: fmt.Append(nil, i)}))
		}
		for i := range uint64(n) {
			select {
			case c := <-confirms:
				if c.DeliveryTag != i+1 || !c.Ack {
					b.Fatalf("confirm %d is %+v", i+1, c)
				}
			case <-time.After(patience):
				b.Fatalf("publish %d was not confirmed", i+1)
			}
		}
		b.size(q, n)
	}},
	{"confirm/nack-among-acks", func(b *bench) {
		q, ch := b.queue(amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"}), b.channel()
		b.ok(ch.Confirm(false))
		var cs []*amqp.DeferredConfirmation
		for _, key := range []string{q, q, b.name(), q} {
			c, err := ch.PublishWithDeferredConfirm("", key, false, false, amqp.Publishing{})
			b.ok(err)
			cs = append(cs, c)
		}
		for i, want := range []bool{true, false, true, false} {
			<-cs[i].Done()
			if cs[i].Acked() != want {
				b.Errorf("publish %d: acked %v, want %v", i+1, !want, want)
			}
		}
	}},
	{"expiration", func(b *bench) {
		q := b.queue(nil)
		b.sendMessage("", q, amqp.Publishing{Expiration: "100"})
		b.size(q, 1)
		b.size(q, 0)
	}},
	{"expiration/less-than-x-message-ttl", func(b *bench) {
		q := b.queue(amqp.Table{"x-message-ttl": int32(60000)})
		b.sendMessage("", q, amqp.Publishing{Expiration: "50"})
		b.size(q, 0)
	}},
	{"expiration/only-at-the-head", func(b *bench) {
		q := b.queue(nil)
		b.send("", q, "stays")
		b.sendMessage("", q, amqp.Publishing{Expiration: "20"})
		time.Sleep(100 * time.Millisecond)
		b.size(q, 2)
		b.fetch(q)
		b.size(q, 0)
	}},
	{"expiration/invalid", func(b *bench) {
		for value, why := range map[string]string{
			"abc": "no_integer", "1.5": `{leftover_string,".5"}`, "-1": "{value_negative,-1}", " 1": "no_integer",
		} {
			ch := b.channel()
			ended := watch(ch)
			b.ok(ch.PublishWithContext(b.Context(), "", "k", false, false, amqp.Publishing{Expiration: value}))
			b.closes(ended, amqp.PreconditionFailed, "PRECONDITION_FAILED - invalid expiration '"+value+"': "+why)
		}
	}},
	{"user-id", func(b *bench) {
		ch := b.channel()
		ended := watch(ch)
		b.ok(ch.PublishWithContext(b.Context(), "", "k", false, false, amqp.Publishing{UserId: "other"}))
		b.closes(ended, amqp.PreconditionFailed, "PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'")
	}},
}
