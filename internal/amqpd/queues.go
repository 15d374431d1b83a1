package amqpd

import "strings"

// queueFor finds a queue by name, "" being the channel's last, and checks that
// this connection may use it.
func (ch *channel) queueFor(name string) (*queue, error) {
	if name == "" {
		if ch.lastQueue == "" {
			return nil, chanError(NotFound, "no previously declared queue")
		}
		name = ch.lastQueue
	}
	q := ch.c.s.broker.queue(name)
	if q == nil {
		return nil, noQueue(name)
	}
	return q, ch.allowed(q)
}

func (ch *channel) allowed(q *queue) error {
	if q.owner != nil && q.owner != ch.c {
		return locked(q.name)
	}
	return nil
}

func locked(name string) error {
	return chanError(ResourceLocked, "cannot obtain exclusive access to locked %s. It could be originally declared on "+
		"another connection or the exclusive property value does not match that of the original declaration.", queueRef(name))
}

func (ch *channel) queueDeclare(m queueDeclare) error {
	if m.passive {
		return ch.queueInspect(m)
	}
	b := ch.c.s.broker
	switch {
	case m.name == "":
		m.name = randomName("amq.gen-")
	case strings.HasPrefix(m.name, "amq.") && b.queue(m.name) == nil:
		return chanError(AccessRefused, "queue name '%s' contains reserved prefix 'amq.*'", m.name)
	}
	args, err := parseQueueArgs(m.name, m)
	if err != nil {
		return err
	}
	b.mu.Lock()
	q := b.queues[m.name]
	if q == nil {
		q = &queue{broker: b, name: m.name, durable: m.durable, autoDelete: m.autoDelete, args: args}
		if m.exclusive {
			q.owner = ch.c
		}
		b.queues[m.name] = q
	}
	b.mu.Unlock()
	if q.owner == ch.c {
		ch.c.own(q)
	}
	if err := ch.sameQueue(q, m); err != nil {
		return err
	}
	q.mu.Lock()
	q.touch(b.now())
	q.unlock()
	ch.lastQueue = m.name
	ready, consumers := q.counts()
	ch.answer(m.nowait, idQueueDeclareOK, m.name, uint32(ready), uint32(consumers))
	return nil
}

func (ch *channel) queueInspect(m queueDeclare) error {
	if isReplyAddress(m.name) {
		if owner, _ := ch.c.s.broker.replyChannel(m.name); owner == nil {
			return noQueue(m.name)
		}
		ch.answer(m.nowait, idQueueDeclareOK, m.name, uint32(0), uint32(1))
		return nil
	}
	q, err := ch.queueFor(m.name)
	if err != nil {
		return err
	}
	ch.lastQueue = q.name
	ready, consumers := q.counts()
	ch.answer(m.nowait, idQueueDeclareOK, q.name, uint32(ready), uint32(consumers))
	return nil
}

// own notes a queue to delete with the connection, and from time to time forgets
// those that went before it, so that a connection may declare any number.
func (c *conn) own(q *queue) {
	c.exclusive[q] = true
	if len(c.exclusive) < max(64, c.sweepAt) {
		return
	}
	for q := range c.exclusive {
		q.mu.Lock()
		gone := q.deleted
		q.mu.Unlock()
		if gone {
			delete(c.exclusive, q)
		}
	}
	c.sweepAt = 2 * len(c.exclusive)
}

// sameQueue checks that a declaration agrees with the queue there is.
func (ch *channel) sameQueue(q *queue, m queueDeclare) error {
	ref := queueRef(q.name)
	switch {
	case q.owner != nil && q.owner != ch.c, (q.owner != nil) != m.exclusive:
		return locked(q.name)
	case q.durable != m.durable:
		return inequivalent("durable", ref, plain{m.durable}, plain{q.durable})
	case q.autoDelete != m.autoDelete:
		return inequivalent("auto_delete", ref, plain{m.autoDelete}, plain{q.autoDelete})
	}
	return sameArgs(comparedQueueArgs, ref, m.args, q.args.raw)
}

func (ch *channel) queueDelete(m queueDelete) error {
	name := m.name
	q, err := ch.queueFor(name)
	if q == nil && name != "" { // deleting what is not there is done already
		ch.answer(m.nowait, idQueueDeleteOK, uint32(0))
		return nil
	}
	if err != nil {
		return err
	}
	var refusal error
	n, _ := ch.c.s.broker.deleteQueue(q, func() bool {
		switch {
		case m.ifUnused && len(q.consumers) > 0:
			refusal = chanError(PreconditionFailed, "%s in use", queueRef(q.name))
		case m.ifEmpty && q.ready.len() > 0:
			refusal = chanError(PreconditionFailed, "%s not empty", queueRef(q.name))
		}
		return refusal == nil
	})
	if refusal != nil {
		return refusal
	}
	delete(ch.c.exclusive, q)
	ch.answer(m.nowait, idQueueDeleteOK, uint32(n))
	return nil
}

func (ch *channel) queuePurge(m queuePurge) error {
	q, err := ch.queueFor(m.name)
	if err != nil {
		return err
	}
	ch.answer(m.nowait, idQueuePurgeOK, uint32(q.purge()))
	return nil
}
