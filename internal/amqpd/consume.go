package amqpd

// consumer is one subscription. channel.mu guards the second group.
type consumer struct {
	tag       string
	ch        *channel
	queue     *queue
	noAck     bool
	exclusive bool
	prefetch  int

	active   bool // from consume-ok to cancel
	inFlight int
}

// deliver sends e to the consumer if it can take it now. The queue's lock is held.
func (ch *channel) deliver(cs *consumer, q *queue, e *entry) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.closed || !cs.active {
		return false
	}
	if !cs.noAck && (cs.prefetch > 0 && cs.inFlight >= cs.prefetch || ch.limit > 0 && ch.inFlight >= ch.limit) {
		return false
	}
	if !ch.sendDelivery(cs.tag, e, outputHigh) {
		return false
	}
	if !cs.noAck {
		cs.inFlight++
		ch.inFlight++
		ch.unacked.add(unacked{ch.tag, e, q, cs})
	}
	return true
}

// sendDelivery writes basic.deliver under the next tag. It declines when more than
// room waits to be written; the writer kicks the queues once that has gone.
func (ch *channel) sendDelivery(consumerTag string, e *entry, room int) bool {
	c := ch.c
	if c.s.faults != nil && c.s.faults.dropOut(c, ch.id, idBasicDeliver) {
		c.abort()
		return false
	}
	b, ok := c.out.lock()
	if ok && len(b) > room {
		c.out.missed = true
		ok = false
	}
	if ok {
		ch.tag++
		var at int
		b, at = openMethod(b, ch.id, idBasicDeliver)
		b = appendShortstr(b, consumerTag)
		b = appendLonglong(b, ch.tag)
		b = appendBool(b, e.redelivered)
		b = appendShortstr(b, e.msg.exchange)
		b = appendShortstr(b, e.msg.key)
		b = closeFrame(b, at)
		b = appendContent(b, ch.id, e.counted(), c.frameMax)
	}
	c.out.unlock(b)
	return ok
}

func (ch *channel) consume(m basicConsume) error {
	if m.queue == replyTo {
		return ch.consumeReplies(m)
	}
	q, err := ch.queueFor(m.queue)
	if err != nil {
		return err
	}
	if m.tag == "" {
		m.tag = randomName("amq.ctag-")
	}
	if ch.c.s.faults != nil && ch.c.s.faults.refusesConsume(q.name) {
		return chanError(AccessRefused, "%s refuses consumers (injected fault)", queueRef(q.name))
	}
	cs := &consumer{tag: m.tag, ch: ch, queue: q, noAck: m.noAck, exclusive: m.exclusive, prefetch: ch.prefetch}
	ch.mu.Lock()
	taken := ch.consumers[m.tag] != nil || ch.replyTag == m.tag
	if !taken {
		ch.consumers[m.tag] = cs
	}
	ch.mu.Unlock()
	if taken {
		return connError(NotAllowed, "attempt to reuse consumer tag '%s'", m.tag)
	}
	if err := q.addConsumer(cs); err != nil {
		ch.mu.Lock()
		delete(ch.consumers, m.tag)
		ch.mu.Unlock()
		return err
	}
	ch.answer(m.nowait, idBasicConsumeOK, m.tag)
	ch.mu.Lock()
	cs.active = true
	ch.mu.Unlock()
	q.kick() // only now: consume-ok comes before the first delivery
	return nil
}

func (ch *channel) cancel(m basicCancel) error {
	if ch.replyTag != "" && m.tag == ch.replyTag {
		ch.dropReplyAddress()
	}
	ch.mu.Lock()
	cs := ch.consumers[m.tag]
	delete(ch.consumers, m.tag)
	if cs != nil {
		cs.active = false
	}
	ch.mu.Unlock()
	if cs != nil {
		cs.queue.removeConsumer(cs)
	}
	ch.answer(m.nowait, idBasicCancelOK, m.tag)
	return nil
}

// queueGone tells a consumer that its queue was deleted.
func (ch *channel) queueGone(cs *consumer) {
	ch.mu.Lock()
	told := !ch.closed && ch.consumers[cs.tag] == cs
	if told {
		delete(ch.consumers, cs.tag)
	}
	cs.active = false
	ch.mu.Unlock()
	if told && ch.c.caps.cancelNotify {
		ch.send(idBasicCancel, cs.tag, true)
	}
}

func (ch *channel) get(m basicGet) error {
	q, err := ch.queueFor(m.queue)
	if err != nil {
		return err
	}
	e, left, err := q.get(m.noAck)
	if err != nil {
		return err
	}
	if e == nil {
		ch.send(idBasicGetEmpty, "")
		return nil
	}
	ch.mu.Lock()
	ch.tag++
	tag := ch.tag
	if !m.noAck {
		ch.unacked.add(unacked{tag: tag, entry: e, queue: q})
	}
	ch.mu.Unlock()
	ch.sendContent(e.counted(), idBasicGetOK, tag, e.redelivered, e.msg.exchange, e.msg.key, uint32(left))
	return nil
}

// sendContent writes a method and the message that goes with it as one.
func (ch *channel) sendContent(m *message, id methodID, args ...any) {
	b, ok := ch.c.out.lock()
	if ok {
		var at int
		b, at = openMethod(b, ch.id, id)
		b = closeFrame(appendArgs(b, args), at)
		b = appendContent(b, ch.id, m, ch.c.frameMax)
	}
	ch.c.out.unlock(b)
}

func (ch *channel) qos(m basicQos) error {
	if m.size != 0 {
		return connError(NotImplemented, "prefetch_size!=0 (%d)", m.size)
	}
	if m.global {
		ch.mu.Lock()
		ch.limit = int(m.count)
		ch.mu.Unlock()
		ch.kick()
	} else {
		ch.prefetch = int(m.count)
	}
	ch.send(idBasicQosOK)
	return nil
}

// settle does ack, nack and reject.
func (ch *channel) settle(id methodID, m settle) error {
	ch.mu.Lock()
	var one [1]unacked
	var taken []unacked
	var ok bool
	if m.multiple {
		taken, ok = ch.unacked.takeUpTo(m.tag)
	} else {
		one[0], ok = ch.unacked.take(m.tag)
		taken = one[:]
	}
	if ok {
		ch.uncount(taken)
	}
	limited := ch.limit > 0
	ch.mu.Unlock()
	if !ok {
		return chanError(PreconditionFailed, "unknown delivery tag %d", m.tag)
	}
	how := acked
	if id != idBasicAck {
		how = dropped
		if m.requeue {
			how = requeued
		}
	}
	ch.giveBack(taken, how)
	if limited { // room on the channel is room for its other consumers too
		ch.kick()
	}
	return nil
}

// uncount takes settled deliveries off the prefetch counts. mu is held.
func (ch *channel) uncount(ds []unacked) {
	for _, d := range ds {
		if d.consumer != nil {
			d.consumer.inFlight--
			ch.inFlight--
		}
	}
}

func (ch *channel) recover(id methodID, m basicRecover) error {
	if !m.requeue {
		return connError(NotImplemented, "requeue=false")
	}
	ch.mu.Lock()
	taken := ch.unacked.takeAll()
	ch.uncount(taken)
	ch.mu.Unlock()
	if id == idBasicRecover {
		ch.send(idBasicRecoverOK)
	}
	ch.giveBack(taken, requeued)
	return nil
}
