package amqptest

import (
	"errors"
	"net/url"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var connectionTests = []test{
	{"start/capabilities", func(b *bench) {
		caps, _ := b.shared.Properties["capabilities"].(amqp.Table)
		for _, name := range []string{"publisher_confirms", "basic.nack", "consumer_cancel_notify", "exchange_exchange_bindings",
			"authentication_failure_close", "per_consumer_qos", "direct_reply_to", "connection.blocked"} {
			if caps[name] != true {
				b.Errorf("capability %s is not announced", name)
			}
		}
	}},
	{"start-ok/PLAIN", func(b *bench) { b.login(&amqp.PlainAuth{Username: "guest", Password: "guest"}, nil) }},
	{"start-ok/AMQPLAIN", func(b *bench) { b.login(&amqp.AMQPlainAuth{Username: "guest", Password: "guest"}, nil) }},
	{"start-ok/wrong-password", func(b *bench) {
		b.login(&amqp.PlainAuth{Username: "guest", Password: "wrong"}, amqp.ErrCredentials)
	}},
	{"start-ok/unknown-user", func(b *bench) {
		b.login(&amqp.PlainAuth{Username: "nobody", Password: "guest"}, amqp.ErrCredentials)
	}},
	{"start-ok/AMQPLAIN-wrong-password", func(b *bench) {
		b.login(&amqp.AMQPlainAuth{Username: "guest", Password: "wrong"}, amqp.ErrCredentials)
	}},
	{"tune/defaults", func(b *bench) {
		c, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: 600 * time.Second})
		b.ok(err)
		defer c.Close()
		if c.Config.FrameSize != 131072 || c.Config.ChannelMax != 2047 || c.Config.Heartbeat != 60*time.Second {
			b.Errorf("tuned to frame_max %d, channel_max %d, heartbeat %s; want 131072, 2047, 1m0s",
				c.Config.FrameSize, c.Config.ChannelMax, c.Config.Heartbeat)
		}
	}},
	{"tune/frame-max", func(b *bench) {
		c, err := amqp.DialConfig(b.url, amqp.Config{FrameSize: 4096})
		b.ok(err)
		defer c.Close()
		if c.Config.FrameSize != 4096 {
			b.Fatalf("tuned to frame_max %d, want 4096", c.Config.FrameSize)
		}
		b.roundTrip(b.channelOn(c), 100_000) // in frames that the client can take
	}},
	{"tune/heartbeat", func(b *bench) {
		c, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: time.Second})
		b.ok(err)
		defer c.Close()
		ended := watch(c)
		select { // the client gives up on a silent broker, and the broker on a silent client
		case e := <-ended:
			b.Fatalf("an idle connection ended: %v", e)
		case <-time.After(4 * time.Second):
		}
	}},
	{"open/unknown-vhost", func(b *bench) {
		u, err := url.Parse(b.url)
		b.ok(err)
		u.Path = "/" + b.name()
		c, err := amqp.Dial(u.String())
		if err == nil {
			c.Close()
		}
		b.refused(err, amqp.NotAllowed, "NOT_ALLOWED - vhost "+u.Path[1:]+" not found")
	}},
	{"close/in-peace", func(b *bench) {
		c := b.connect()
		ended := watch(c)
		b.channelOn(c)
		b.ok(c.Close())
		if e := <-ended; e != nil {
			b.Errorf("the connection ended with %v", e)
		}
	}},
	{"close/exclusive-queues-go-first", func(b *bench) {
		c := b.connect()
		q, err := b.channelOn(c).QueueDeclare("", false, false, true, false, nil)
		b.ok(err)
		b.ok(c.Close())
		b.gone(q.Name)
	}},
	{"close/unacknowledged-come-back", func(b *bench) {
		q := b.queue(nil)
		b.send("", q, "a", "b")
		c := b.connect()
		b.expect(b.consume(b.channelOn(c), q), "a", "b")
		b.ok(c.Close())
		for _, want := range []string{"a", "b"} {
			if d := b.fetch(q); string(d.Body) != want || !d.Redelivered {
				b.Errorf("got %q, redelivered %v; want %q again", d.Body, d.Redelivered, want)
			}
		}
	}},
	{"update-secret", func(b *bench) {
		c := b.connect()
		b.ok(c.UpdateSecret("guest", "because"))
		b.channelOn(c)
	}},
}

var channelTests = []test{
	{"open/many", func(b *bench) {
		for range 20 {
			b.channel()
		}
	}},
	{"close/number-is-free-again", func(b *bench) {
		for range 5 {
			ch := b.channel()
			_, err := ch.QueueDeclarePassive(b.name(), false, false, false, false, nil)
			if err == nil {
				b.Fatal("a queue that was never declared is there")
			}
			b.ok(b.channel().Close())
		}
		b.roundTrip(b.channel(), 10)
	}},
	{"close/error-spares-the-others", func(b *bench) {
		other, ch := b.channel(), b.channel()
		ended := watch(ch)
		name := b.name()
		_, err := ch.QueueDeclarePassive(name, false, false, false, false, nil)
		text := "NOT_FOUND - no queue '" + name + "' in vhost '{vhost}'"
		b.refused(err, amqp.NotFound, text)
		b.closes(ended, amqp.NotFound, text)
		b.roundTrip(other, 10)
	}},
	{"close/unacknowledged-come-back", func(b *bench) {
		q := b.queue(nil)
		b.send("", q, "a")
		ch := b.channel()
		b.expect(b.consume(ch, q), "a")
		b.ok(ch.Close())
		if d := b.fetch(q); !d.Redelivered {
			b.Error("the message is not marked redelivered")
		}
	}},
	{"flow/active", func(b *bench) { b.ok(b.channel().Flow(true)) }},
	{"flow/inactive", func(b *bench) {
		err := b.channelOn(b.connect()).Flow(false)
		b.refused(err, amqp.NotImplemented, "NOT_IMPLEMENTED - active=false")
	}},
	{"tx.select", func(b *bench) {
		err := b.channelOn(b.connect()).Tx()
		if want := b.differs("tx.select"); want == "" {
			b.ok(err)
		} else {
			b.refused(err, amqp.NotImplemented, want.(string))
		}
	}},
}

// login connects with this authentication and checks how that ends.
func (b *bench) login(auth amqp.Authentication, want error) {
	b.Helper()
	c, err := amqp.DialConfig(b.url, amqp.Config{SASL: []amqp.Authentication{auth}})
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, want) {
		b.Errorf("got %v, want %v", err, want)
	}
}

// roundTrip sends a body of so many bytes through a queue, over one channel.
func (b *bench) roundTrip(ch *amqp.Channel, size int) {
	b.Helper()
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	b.ok(err)
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i * 7)
	}
	in := b.consume(ch, q.Name)
	b.ok(ch.PublishWithContext(b.Context(), "", q.Name, false, false, amqp.Publishing{Body: body}))
	d := b.next(in)
	if string(d.Body) != string(body) {
		b.Errorf("a body of %d bytes came back as another, of %d bytes", size, len(d.Body))
	}
	b.ok(d.Ack(false))
}
