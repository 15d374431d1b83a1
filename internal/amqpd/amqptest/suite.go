// Package amqptest holds one broker to the AMQP 0-9-1 behaviour that AGATA relies
// on. The suite is written against the amqp091-go client and RabbitMQ's texts, so
// that the embedded broker and RabbitMQ answer to the same tests.
//
// Where the two differ and mean to, the table of differences says how and why,
// and both sides are tested for what it says.
package amqptest

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// Run tests the broker at url, an amqp:// address whose user may do anything in
// its virtual host. Names are unique, and what is declared is deleted, so other
// tests may use the virtual host meanwhile.
func Run(t *testing.T, url string) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"connection", connectionTests}, {"channel", channelTests}, {"exchange", exchangeTests},
		{"queue", queueTests}, {"arguments", argumentTests}, {"dead-letter", deadLetterTests},
		{"basic", basicTests}, {"publish", publishTests}, {"consume", consumeTests}, {"reply-to", replyTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tc := range group.tests {
				t.Run(tc.name, func(t *testing.T) {
					t.Parallel()
					tc.run(newBench(t, url))
				})
			}
		})
	}
}

type test struct {
	name string // the method of the specification, and the case
	run  func(*bench)
}

// bench is what one test works with.
type bench struct {
	*testing.T
	url, vhost string
	shared     *amqp.Connection
	rabbit     bool // the broker is RabbitMQ
}

func newBench(t *testing.T, address string) *bench {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, url: address, vhost: strings.TrimPrefix(u.Path, "/")}
	if b.vhost == "" {
		b.vhost = "/"
	}
	b.shared = b.connect()
	b.rabbit = b.shared.Properties["product"] == "RabbitMQ"
	return b
}

// connect opens a connection of the test's own, for errors that end it.
func (b *bench) connect() *amqp.Connection {
	b.Helper()
	c, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: 30 * time.Second, Dial: amqp.DefaultDial(patience)})
	if err != nil {
		b.Fatalf("connect: %v", err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

// channel opens a channel on the connection that the test shares.
func (b *bench) channel() *amqp.Channel { b.Helper(); return b.channelOn(b.shared) }

func (b *bench) channelOn(c *amqp.Connection) *amqp.Channel {
	b.Helper()
	ch, err := c.Channel()
	if err != nil {
		b.Fatalf("open a channel: %v", err)
	}
	return ch
}

// name gives a unique name.
func (b *bench) name() string { return "test." + uuid.NewString() }

// queue declares a plain queue with arguments, and deletes it after the test.
func (b *bench) queue(args amqp.Table) string {
	b.Helper()
	name := b.name()
	b.declare(name, false, args)
	return name
}

func (b *bench) declare(name string, durable bool, args amqp.Table) {
	b.Helper()
	_, err := b.channel().QueueDeclare(name, durable, false, false, false, args)
	b.ok(err)
	b.dropQueue(name)
}

func (b *bench) dropQueue(name string) {
	b.Cleanup(func() {
		if ch, err := b.shared.Channel(); err == nil {
			ch.QueueDelete(name, false, false, false)
			ch.Close()
		}
	})
}

// exchange declares an exchange, and deletes it after the test.
func (b *bench) exchange(kind string, args amqp.Table) string {
	b.Helper()
	name := b.name()
	b.ok(b.channel().ExchangeDeclare(name, kind, false, false, false, false, args))
	b.dropExchange(name)
	return name
}

func (b *bench) dropExchange(name string) {
	b.Cleanup(func() {
		if ch, err := b.shared.Channel(); err == nil {
			ch.ExchangeDelete(name, false, false)
			ch.Close()
		}
	})
}

func (b *bench) bind(queue, key, exchange string, args amqp.Table) {
	b.Helper()
	b.ok(b.channel().QueueBind(queue, key, exchange, false, args))
}

// differs gives what this broker answers where the two differ.
func (b *bench) differs(what string) any {
	b.Helper()
	d, ok := differences[what]
	if !ok {
		b.Fatalf("the table of differences has no %q", what)
	}
	if b.rabbit {
		return d.rabbit
	}
	return d.amqpd
}
