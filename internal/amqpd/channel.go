package amqpd

import (
	"cmp"
	"slices"
	"sync"
)

// channel is one channel. The connection's reader owns the first group of fields.
type channel struct {
	c  *conn
	id uint16

	pending    *pending // a publish whose content is still coming
	confirming bool
	confirmSeq uint64 // the last publish's number
	confirmed  uint64 // the last number confirmed
	lastQueue  string // what an empty queue name means
	prefetch   int    // for consumers to come
	replyToken string // the direct reply-to address, "" if none
	replyTag   string

	mu        sync.Mutex // guards what follows
	closed    bool
	consumers map[string]*consumer
	tag       uint64 // the last delivery tag
	unacked   unackedList
	limit     int // prefetch over all consumers, 0 for none
	inFlight  int // deliveries to consumers that await an ack
}

// channelMethod passes a method to its channel, and turns a channel's error into
// channel.close.
func (c *conn) channelMethod(number uint16, id methodID, m any) error {
	ch := c.channels[number]
	if c.closing[number] {
		switch id {
		case idChannelCloseOK:
			delete(c.closing, number)
		case idChannelClose: // it crossed ours
			c.send(number, idChannelCloseOK)
			delete(c.closing, number)
		}
		return nil
	}
	if id == idChannelOpen {
		return c.openChannel(number)
	}
	if ch == nil {
		return methodError(id, ChannelError, "expected 'channel.open'")
	}
	if ch.pending != nil {
		return methodError(id, UnexpectedFrame, "expected content header for class 60, got non content header frame instead")
	}
	return c.channelResult(ch, id, ch.handle(id, m))
}

// channelResult closes the channel over a soft error and passes a hard one on.
func (c *conn) channelResult(ch *channel, id methodID, err error) error {
	if err == nil {
		return nil
	}
	e, ok := err.(*amqpError)
	if !ok || e.hard {
		if ok && e.method == 0 {
			e.method = id
		}
		return err
	}
	c.log.Debug("channel error", "name", c.name, "channel", ch.id, "method", id.String(), "err", e)
	c.flushConfirms()
	ch.shut()
	delete(c.channels, ch.id)
	c.closing[ch.id] = true
	c.send(ch.id, idChannelClose, uint16(e.code), e.Error(), uint32(id))
	return nil
}

func (c *conn) openChannel(number uint16) error {
	if c.channels[number] != nil {
		return methodError(idChannelOpen, ChannelError, "second 'channel.open' seen")
	}
	if len(c.channels) >= int(c.channelMax) || number > c.channelMax {
		return methodError(idChannelOpen, NotAllowed, "number of channels opened (%d) has reached the negotiated channel_max (%d)",
			len(c.channels), c.channelMax)
	}
	ch := &channel{c: c, id: number, consumers: map[string]*consumer{}}
	c.channels[number] = ch
	c.channelCount.Add(1)
	c.live.Lock()
	c.live.set[ch] = true
	c.live.Unlock()
	c.send(number, idChannelOpenOK, longstr(""))
	return nil
}

func (ch *channel) handle(id methodID, m any) error {
	switch m := m.(type) {
	case basicPublish:
		return ch.publish(m)
	case settle:
		return ch.settle(id, m)
	case basicGet:
		return ch.get(m)
	case basicQos:
		return ch.qos(m)
	case basicConsume:
		return ch.consume(m)
	case basicCancel:
		return ch.cancel(m)
	case basicRecover:
		return ch.recover(id, m)
	case confirmSelect:
		ch.confirming = true
		ch.answer(m.nowait, idConfirmSelectOK)
		return nil
	case queueDeclare:
		return ch.queueDeclare(m)
	case queueDelete:
		return ch.queueDelete(m)
	case queuePurge:
		return ch.queuePurge(m)
	case exchangeDeclare:
		return ch.exchangeDeclare(m)
	case exchangeDelete:
		return ch.exchangeDelete(m)
	case bind:
		return ch.bind(id, m)
	case channelFlow:
		if !m.active {
			return connError(NotImplemented, "active=false")
		}
		ch.send(idChannelFlowOK, true)
		return nil
	}
	switch id {
	case idChannelClose:
		ch.c.flushConfirms()
		ch.shut()
		delete(ch.c.channels, ch.id)
		ch.send(idChannelCloseOK)
		return nil
	case idChannelFlowOK, idChannelCloseOK:
		return nil
	case idTxSelect, idTxCommit, idTxRollback:
		return connError(NotImplemented, "transactions are not served by the embedded broker")
	}
	return connError(CommandInvalid, "%s is not for an open channel", id)
}

func (ch *channel) send(id methodID, args ...any) { ch.c.send(ch.id, id, args...) }

// answer sends the -ok of a method unless the client asked for none.
func (ch *channel) answer(nowait bool, id methodID, args ...any) {
	if !nowait {
		ch.send(id, args...)
	}
}

// shut ends the channel: its consumers go, and what they had not acknowledged
// goes back to its queues.
func (ch *channel) shut() {
	ch.mu.Lock()
	if ch.closed {
		ch.mu.Unlock()
		return
	}
	ch.closed = true
	consumers := ch.consumers
	ch.consumers = nil
	back := ch.unacked.takeAll()
	ch.mu.Unlock()

	ch.dropReplyAddress()
	c := ch.c
	c.live.Lock()
	delete(c.live.set, ch)
	c.live.Unlock()
	c.channelCount.Add(-1)
	for _, cs := range consumers {
		cs.queue.removeConsumer(cs)
	}
	ch.giveBack(back, requeued)
}

// giveBack settles deliveries, queue by queue.
func (ch *channel) giveBack(ds []unacked, how settlement) {
	if len(ds) == 1 { // the usual case, without the slices
		ds[0].queue.settle([]*entry{ds[0].entry}, how)
		return
	}
	// Queues in order of name only to have them side by side; deliveries of one
	// queue stay in theirs.
	slices.SortStableFunc(ds, func(a, b unacked) int { return cmp.Compare(a.queue.name, b.queue.name) })
	for len(ds) > 0 {
		q := ds[0].queue
		var es []*entry
		for len(ds) > 0 && ds[0].queue == q {
			es = append(es, ds[0].entry)
			ds = ds[1:]
		}
		q.settle(es, how)
	}
}

// kickConsumers has queues try again after the output had no room for them.
func (c *conn) kickConsumers() {
	c.live.Lock()
	var chs []*channel
	for ch := range c.live.set {
		chs = append(chs, ch)
	}
	c.live.Unlock()
	for _, ch := range chs {
		ch.kick()
	}
}

// kick has every queue that the channel consumes from try to deliver.
func (ch *channel) kick() {
	ch.mu.Lock()
	var queues []*queue
	for _, cs := range ch.consumers {
		queues = append(queues, cs.queue)
	}
	ch.mu.Unlock()
	for _, q := range queues {
		q.kick()
	}
}
