package chaos

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// caller calls functions over a broker by a connection of its own, which nothing
// disturbs, and chooses the message's id: what the harness learns of a client it
// learns so, and so it sends a call twice.
type caller struct {
	url     func() string // of the broker now; "": it is away
	trust   *tls.Config   // nil: it is spoken to in the clear
	through rpc.Caller    // itself, or with the cloud's seals

	mu      sync.Mutex
	at      string // where conn leads
	conn    *amqp.Connection
	ch      *amqp.Channel
	answers <-chan amqp.Delivery
}

// newCaller makes one. With a key its calls bear the seal of that cloud.
func newCaller(url func() string, trust *tls.Config, key rpc.Key) *caller {
	c := &caller{url: url, trust: trust}
	if c.through = c; !key.IsZero() {
		c.through = rpc.Sealed(calls{by: c}, rpc.SealOptions{Key: key, Self: rpc.Identity{Kind: rpc.Operator, Name: operatorName, Role: contract.RoleAdmin}})
	}
	return c
}

// calls is a transport of which only calls are used.
type calls struct {
	rpc.Transport // nil
	by            *caller
}

// Call implements [rpc.Transport].
func (c calls) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	return c.by.Call(ctx, r)
}

// Headers of a message: the seal of a call and of its answer, and the answer's code,
// which its seal covers.
const (
	sealHeader = "agata-seal"
	codeHeader = "agata-code"
)

// dialTime bounds the making of a connection.
const dialTime = time.Second

// call calls a function; an answer that tells of a failure is a refused.
func (c *caller) call(ctx context.Context, fn, messageID string, arguments any) (json.RawMessage, error) {
	body, err := json.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	answer, err := c.through.Call(ctx, rpc.Request{Function: fn, MessageID: messageID, Body: body})
	if err != nil {
		return nil, err
	}
	var reply struct {
		Status    int             `json:"status_code"`
		Return    json.RawMessage `json:"return"`
		Exception string          `json:"exception"`
	}
	if err := json.Unmarshal(answer.Body, &reply); err != nil {
		return nil, err
	}
	if reply.Status != 200 {
		return nil, &refused{reply.Status, rpc.Code(answer.Code), reply.Exception}
	}
	return reply.Return, nil
}

// Call implements [rpc.Caller]: one call at a time, over a connection that is made
// when there is none.
func (c *caller) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reply, err := c.attempt(ctx, r)
	if err != nil {
		c.drop()
	}
	return reply, err
}

// refused is an answer that tells of a failure.
type refused struct {
	status int
	code   rpc.Code // of an answer over a broker, whose status says little
	text   string
}

// Error is the text of the answer.
func (r *refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

func (c *caller) attempt(ctx context.Context, r rpc.Request) (reply rpc.Reply, err error) {
	if err := c.connect(); err != nil {
		return reply, err
	}
	m := amqp.Publishing{ContentType: "application/json", CorrelationId: uuid.NewString(), MessageId: r.MessageID, ReplyTo: "amq.rabbitmq.reply-to",
		Type: r.Function, Body: r.Body, Expiration: "10000"}
	if r.Seal != "" {
		m.Headers = amqp.Table{sealHeader: r.Seal}
	}
	if err := c.ch.PublishWithContext(ctx, "", r.Function, true, false, m); err != nil {
		return reply, err
	}
	for {
		select {
		case <-ctx.Done():
			return reply, ctx.Err()
		case d, ok := <-c.answers:
			if !ok {
				return reply, amqp.ErrClosed
			}
			if d.CorrelationId != m.CorrelationId {
				continue // of a call that was given up
			}
			seal, _ := d.Headers[sealHeader].(string)
			code, _ := d.Headers[codeHeader].(string)
			if reply = (rpc.Reply{Body: d.Body, Code: code, Seal: seal}); r.Accept != nil && !r.Accept(reply) {
				continue
			}
			return reply, nil
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
	with := amqp.Config{Dial: amqp.DefaultDial(dialTime), Heartbeat: 5 * time.Second}
	if c.trust != nil {
		with.TLSClientConfig = c.trust.Clone() // to dial writes into it
		with.TLSClientConfig.NextProtos = nil  // they are HTTP's
	}
	conn, err := amqp.DialConfig(url, with)
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
	if c == nil { // its system came to nothing
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
}
