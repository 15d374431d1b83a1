package amqpd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// confirmBatch is the most publishes that wait to be confirmed together.
const confirmBatch = 256

// pending is a publish whose header and body are still coming.
type pending struct {
	method basicPublish
	header bool
	left   uint64 // bytes of body still to come
	msg    message
}

// publish notes what is to be published; the content follows in further frames.
func (ch *channel) publish(m basicPublish) error {
	ch.pending = &pending{method: m}
	return nil
}

// content takes a header or body frame.
func (c *conn) content(f frame) error {
	ch := c.channels[f.channel]
	if c.closing[f.channel] {
		return nil
	}
	if ch == nil {
		return connError(ChannelError, "expected 'channel.open'")
	}
	p := ch.pending
	switch {
	case p == nil:
		return connError(UnexpectedFrame, "expected method frame, got non method frame instead")
	case f.kind == frameHeader && p.header:
		return methodError(idBasicPublish, UnexpectedFrame, "expected content body, got non content body frame instead")
	case f.kind == frameBody && !p.header:
		return methodError(idBasicPublish, UnexpectedFrame, "expected content header for class 60, got non content header frame instead")
	}
	if f.kind == frameHeader {
		class, size, props, err := decodeHeader(f.payload)
		if err != nil {
			return err
		}
		if class != classBasic {
			return methodError(idBasicPublish, UnexpectedFrame, "expected content header for class 60, got one for class %d instead", class)
		}
		if limit := c.s.options.MaxMessageBytes; size > uint64(limit) {
			return c.channelResult(ch, idBasicPublish, chanError(PreconditionFailed,
				"message size %d is larger than configured max size %d", size, limit))
		}
		p.header, p.left, p.msg.props = true, size, props
		// A client can announce more than it sends: the rest is allocated as it comes.
		p.msg.body = make([]byte, 0, min(size, 64<<10))
	} else {
		if uint64(len(f.payload)) > p.left {
			return methodError(idBasicPublish, FrameError, "content body is %d bytes longer than its header said", uint64(len(f.payload))-p.left)
		}
		p.msg.body = append(p.msg.body, f.payload...)
		p.left -= uint64(len(f.payload))
	}
	if p.left > 0 {
		return nil
	}
	ch.pending = nil
	return c.channelResult(ch, idBasicPublish, ch.complete(p.method, &p.msg))
}

// complete publishes a whole message.
func (ch *channel) complete(p basicPublish, m *message) error {
	c := ch.c
	c.published.Store(true)
	if p.immediate {
		return connError(NotImplemented, "immediate=true")
	}
	m.exchange, m.key, m.expiration = p.exchange, p.key, -1
	if err := ch.checkProperties(m); err != nil {
		return err
	}
	refused, unroutable, hold, confirmLater := c.s.faults.publish(p)
	reached := false
	if !unroutable {
		var err error
		var nacked bool
		if reached, nacked, err = ch.deliverTo(m, hold, refused); err != nil {
			return err
		}
		refused = refused || nacked
	}
	if !reached && p.mandatory && !refused {
		ch.sendReturn(m)
	}
	if ch.confirming {
		ch.confirmSeq++
		ch.confirm(refused, confirmLater)
	}
	return nil
}

// deliverTo routes m and gives it to every queue it reaches, unless it is only
// to look (a fault refuses it).
func (ch *channel) deliverTo(m *message, hold time.Duration, look bool) (reached, nacked bool, err error) {
	c := ch.c
	if m.exchange == "" && isReplyAddress(m.key) {
		return look || c.s.broker.reply(m), false, nil
	}
	queues, x := c.s.broker.route(m.exchange, m.key, m.props, c.targets[:0])
	c.targets = queues[:0]
	switch {
	case x == nil:
		return false, false, noExchange(m.exchange)
	case x.internal:
		return false, false, chanError(AccessRefused, "cannot publish to internal %s", exchangeRef(x.name))
	case look:
		return true, false, nil
	}
	for i, q := range queues {
		switch q.publish(m, hold) {
		case accepted:
			reached = true
		case rejected:
			reached, nacked = true, true
		}
		queues[i] = nil
	}
	return reached, nacked, nil
}

// checkProperties looks at those that mean something to a broker.
func (ch *channel) checkProperties(m *message) error {
	p := m.props
	if p.has(propUserID) && p.text(propUserID) != ch.c.user {
		return chanError(PreconditionFailed, "user_id property set to '%s' but authenticated user was '%s'", p.text(propUserID), ch.c.user)
	}
	if p.has(propExpiration) {
		n, err := parseExpiration(p.text(propExpiration))
		if err != nil {
			return err
		}
		m.expiration = milliseconds(n)
	}
	if p.has(propReplyTo) && p.text(propReplyTo) == replyTo {
		if ch.replyToken == "" {
			return chanError(PreconditionFailed, "fast reply consumer does not exist")
		}
		m.props = p.with(propReplyTo, appendShortstr(nil, replyTo+"."+ch.replyToken))
	}
	return nil
}

// parseExpiration reads a whole number of milliseconds, and complains about
// anything else as RabbitMQ does.
func parseExpiration(s string) (int64, error) {
	why := ""
	digits := len(s) - len(strings.TrimLeft(s, "+-"))
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		why = "no_integer"
	case digits < len(s):
		why = fmt.Sprintf("{leftover_string,%q}", s[digits:])
	case n < 0:
		why = fmt.Sprintf("{value_negative,%d}", n)
	default:
		return n, nil
	}
	return 0, chanError(PreconditionFailed, "invalid expiration '%s': %s", s, why)
}

func (ch *channel) sendReturn(m *message) {
	if ch.c.s.faults != nil && ch.c.s.faults.dropOut(ch.c, ch.id, idBasicReturn) {
		ch.c.abort()
		return
	}
	ch.sendContent(m, idBasicReturn, uint16(NoRoute), NoRoute.String(), m.exchange, m.key)
}

// confirm answers the latest publish: at once if refused, or else together with
// others just before the connection next waits for its client.
func (ch *channel) confirm(refused bool, later time.Duration) {
	switch {
	case later > 0:
		ch.flushConfirm(ch.confirmSeq - 1)
		seq, c := ch.confirmSeq, ch.c
		ch.confirmed = seq
		c.s.clock.schedule(c.s.clock.now()+later, func() { ch.sendConfirm(seq, false, refused) })
	case refused:
		ch.flushConfirm(ch.confirmSeq - 1)
		ch.confirmed = ch.confirmSeq
		ch.sendConfirm(ch.confirmSeq, false, true)
	case ch.confirmed == ch.confirmSeq-1:
		ch.c.unconfirm = append(ch.c.unconfirm, ch)
	case ch.confirmSeq-ch.confirmed >= confirmBatch:
		ch.flushConfirm(ch.confirmSeq)
	}
}

// flushConfirms sends the confirms that have gathered.
func (c *conn) flushConfirms() {
	for i, ch := range c.unconfirm {
		ch.flushConfirm(ch.confirmSeq)
		c.unconfirm[i] = nil
	}
	c.unconfirm = c.unconfirm[:0]
}

func (ch *channel) flushConfirm(upTo uint64) {
	if ch.confirmed < upTo {
		ch.sendConfirm(upTo, upTo-ch.confirmed > 1, false)
		ch.confirmed = upTo
	}
}

// sendConfirm acks or nacks publishes up to seq. The clock may call it too.
func (ch *channel) sendConfirm(seq uint64, multiple, refused bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	switch {
	case ch.closed:
	case refused:
		ch.send(idBasicNack, seq, multiple)
	default:
		ch.send(idBasicAck, seq, multiple)
	}
}
