package amqpd

import "strings"

// replyTo is the pseudo-queue of direct reply-to: a client consumes from it,
// without acknowledgements, and publishes requests with it as their reply-to.
// The request then carries an address that leads to the client's channel, with
// no queue between.
const replyTo = "amq.rabbitmq.reply-to"

func isReplyAddress(key string) bool { return strings.HasPrefix(key, replyTo+".") }

func (ch *channel) consumeReplies(m basicConsume) error {
	if !m.noAck {
		return chanError(PreconditionFailed, "reply consumer cannot acknowledge")
	}
	if ch.replyToken != "" {
		return chanError(PreconditionFailed, "reply consumer already set")
	}
	if m.tag == "" {
		m.tag = randomName("amq.ctag-")
	}
	ch.mu.Lock()
	taken := ch.consumers[m.tag] != nil
	ch.mu.Unlock()
	if taken {
		return connError(NotAllowed, "attempt to reuse consumer tag '%s'", m.tag)
	}
	ch.answer(m.nowait, idBasicConsumeOK, m.tag)
	ch.replyToken, ch.replyTag = randomName(""), m.tag
	b := ch.c.s.broker
	b.mu.Lock()
	b.replies[ch.replyToken] = ch
	b.mu.Unlock()
	return nil
}

func (ch *channel) dropReplyAddress() {
	if ch.replyToken == "" {
		return
	}
	b := ch.c.s.broker
	b.mu.Lock()
	delete(b.replies, ch.replyToken)
	b.mu.Unlock()
	ch.replyToken, ch.replyTag = "", ""
}

// replyChannel finds whom an address leads to; nil if nobody any more.
func (b *broker) replyChannel(key string) (ch *channel, tag string) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	ch = b.replies[strings.TrimPrefix(key, replyTo+".")]
	if ch == nil {
		return nil, ""
	}
	return ch, ch.replyTag
}

// reply delivers m to the channel that its key addresses, and says whether there
// was one to take it. A reader that is far behind loses replies rather than fill
// the broker's memory.
func (b *broker) reply(m *message) bool {
	ch, tag := b.replyChannel(m.key)
	if ch == nil {
		return false
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return !ch.closed && ch.sendDelivery(tag, &entry{msg: m}, outputFull)
}
