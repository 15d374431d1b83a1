package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
)

// caller calls functions over a broker by a connection of its own, which nothing
// disturbs, and chooses the message's id: what the harness learns of a client it
// learns so, and so it sends a call twice.
type caller struct {
	url func() string // of the broker now; "": it is away

	mu      sync.Mutex
	at      string // where conn leads
	conn    *amqp.Connection
	ch      *amqp.Channel
	answers <-chan amqp.Delivery
}

// dialTime bounds the making of a connection.
const dialTime = time.Second

// call calls a function; an answer that tells of a failure is a refused.
func (c *caller) call(ctx context.Context, fn, messageID string, arguments any) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := json.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	value, err := c.attempt(ctx, fn, messageID, body)
	if _, answered := errors.AsType[*refused](err); err != nil && !answered {
		c.drop()
	}
	return value, err
}

// refused is an answer that tells of a failure.
type refused struct {
	status int
	text   string
}

// Error is the text of the answer.
func (r *refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

func (c *caller) attempt(ctx context.Context, fn, messageID string, body []byte) (json.RawMessage, error) {
	if err := c.connect(); err != nil {
		return nil, err
	}
	id := uuid.NewString()
	err := c.ch.PublishWithContext(ctx, "", fn, true, false, amqp.Publishing{
		ContentType: "application/json", CorrelationId: id, MessageId: messageID, ReplyTo: "amq.rabbitmq.reply-to", Type: fn, Body: body, Expiration: "10000",
	})
	if err != nil {
		return nil, err
	}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case d, ok := <-c.answers:
			if !ok {
				return nil, amqp.ErrClosed
			}
			if d.CorrelationId != id {
				continue // of a call that was given up
			}
			var reply struct {
				Status    int             `json:"status_code"`
				Return    json.RawMessage `json:"return"`
				Exception string          `json:"exception"`
			}
			if err := json.Unmarshal(d.Body, &reply); err != nil {
				return nil, err
			}
			if reply.Status != 200 {
				return nil, &refused{reply.Status, reply.Exception}
			}
			return reply.Return, nil
		}
	}
}

func (c *caller) connect() error {
	url := c.url()
	if c.conn != nil && c.at == url && !c.conn.IsClosed() {
		return nil
	}
	c.drop()
	if url == "" {
		return errors.New("the broker is away")
	}
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: amqp.DefaultDial(dialTime), Heartbeat: 5 * time.Second})
	if err != nil {
		return err
	}
	c.conn, c.at = conn, url
	if c.ch, err = conn.Channel(); err != nil {
		return err
	}
	c.answers, err = c.ch.Consume("amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	return err
}

func (c *caller) drop() {
	if c.conn != nil {
		_ = c.conn.CloseDeadline(time.Now().Add(200 * time.Millisecond)) // often it is broken already
		c.conn = nil
	}
}

func (c *caller) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
}
