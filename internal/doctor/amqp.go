package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/amqpx"
)

// embeddedProduct is how AGATA's own broker calls itself.
const embeddedProduct = "agata amqpd"

// dialBroker connects to a broker, by TLS with secure if the broker wants that; the
// error is one of this package's Err values, or the network's.
func dialBroker(ctx context.Context, b config.Broker, secure *tls.Config) (*amqp.Connection, error) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = time.Now().Add(limit)
	}
	connected := false
	conn, err := amqp.DialConfig("amqp://"+b.Addr(), amqp.Config{
		SASL:  []amqp.Authentication{&amqp.PlainAuth{Username: b.User, Password: b.Password.Reveal()}},
		Vhost: b.VHost,
		Dial: func(network, addr string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			connected = true
			if err := c.SetDeadline(deadline); err != nil {
				return nil, errors.Join(err, c.Close())
			}
			if !b.TLS {
				return c, nil
			}
			over := tls.Client(c, named(secure, b.Host))
			if err := over.HandshakeContext(ctx); err != nil {
				_ = c.Close() // the handshake's failure is the one to tell
				return nil, err
			}
			return over, nil
		},
	})
	if err == nil || !connected {
		return conn, err
	}
	return nil, classify(err)
}

// named is a configuration for connecting to a host.
func named(c *tls.Config, host string) *tls.Config {
	if c == nil {
		return &tls.Config{ServerName: host}
	}
	c = c.Clone()
	c.ServerName = host
	return c
}

// classify says what a failed handshake means.
func classify(err error) error {
	if pki.Advice(err) != "" {
		return err
	}
	// The library's two sentinels have the same code.
	if errors.Is(err, amqp.ErrVhost) {
		return ErrVHost
	}
	if refusal, ok := errors.AsType[*amqp.Error](err); ok {
		switch refusal.Code {
		case amqp.AccessRefused:
			return ErrCredentials
		case amqp.NotAllowed, amqp.InvalidPath:
			return ErrVHost
		// ChannelError is the library's own: it hung up on what it could not read.
		case amqp.FrameError, amqp.SyntaxError, amqp.CommandInvalid, amqp.ChannelError, amqp.UnexpectedFrame:
			return fmt.Errorf("%w: %w", ErrNotAMQP, err)
		}
		return err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fmt.Errorf("%w: it keeps silent", ErrNotAMQP)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%w: it hangs up", ErrNotAMQP)
	}
	return fmt.Errorf("%w: %w", ErrNotAMQP, err)
}

// hangUp ends a connection; nothing hangs on how it ends.
func hangUp(conn *amqp.Connection) { _ = conn.CloseDeadline(time.Now().Add(time.Second)) }

func askBroker(ctx context.Context, b config.Broker, secure *tls.Config) (string, error) {
	conn, err := dialBroker(ctx, b, secure)
	if err != nil {
		return "", err
	}
	defer hangUp(conn)
	product, _ := conn.Properties["product"].(string)
	version, _ := conn.Properties["version"].(string)
	switch product {
	case "":
		return "a broker", nil
	case embeddedProduct:
		return product, nil
	}
	return product + " " + version, nil
}

// askQueues asks for each queue first whether it is there, so that it makes
// none, and then declares it as services do: a broker refuses a declaration
// that differs and changes nothing. A refusal ends the channel.
func askQueues(ctx context.Context, b config.Broker, secure *tls.Config, how config.BrokerMode, names []string) ([]string, error) {
	options := amqpx.Options{Compat: how.Compat, Quorum: how.Queues == config.Quorum}
	conn, err := dialBroker(ctx, b, secure)
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	var differ []string
	for _, name := range names {
		there, err := declare(conn, func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclarePassive(name, false, false, false, false, nil)
			return err
		}, amqp.NotFound)
		if err != nil {
			return nil, fmt.Errorf("look for queue %s: %w", name, err)
		}
		if !there {
			continue
		}
		same, err := declare(conn, func(ch *amqp.Channel) error { return options.Declare(ch, name) }, amqp.PreconditionFailed)
		if err != nil {
			return nil, fmt.Errorf("compare queue %s: %w", name, err)
		}
		if !same {
			differ = append(differ, name)
		}
	}
	return differ, nil
}

// declare runs fn on a channel of its own and returns false if the broker
// refused it with the code.
func declare(conn *amqp.Connection, fn func(*amqp.Channel) error, code int) (bool, error) {
	ch, err := conn.Channel()
	if err != nil {
		return false, err
	}
	err = fn(ch)
	if refusal, ok := errors.AsType[*amqp.Error](err); ok && refusal.Code == code {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, ch.Close()
}
