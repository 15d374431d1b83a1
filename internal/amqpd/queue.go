package amqpd

import (
	"slices"
	"sync"
	"time"
)

// queue is one queue. All fields after mu are guarded by it.
type queue struct {
	broker     *broker
	name       string
	durable    bool
	autoDelete bool
	owner      *conn // the connection it is exclusive to
	args       queueArgs

	mu        sync.Mutex
	deleted   bool
	ready     deque
	seq       uint64
	unacked   int
	consumers []*consumer
	next      int // whose turn it is
	exclusive bool
	used      time.Duration // when it was last declared, consumed from or got from
	wakeAt    time.Duration // what the clock was last asked for, 0 for nothing
	dead      []deadEntry   // to be dead-lettered by whoever unlocks
}

// unlock releases the queue and then dead-letters what gathered meanwhile, which
// takes other queues' locks. Callers must not hold broker.mu.
func (q *queue) unlock() {
	dead := q.dead
	q.dead = nil
	q.mu.Unlock()
	if len(dead) > 0 {
		q.broker.deadLetter(q, dead)
	}
}

// verdict is what a queue did with a message.
type verdict int

const (
	accepted verdict = iota
	rejected         // over its length, and told to refuse publishers
	gone             // deleted between routing and publishing
)

// publish gives the queue a message.
func (q *queue) publish(m *message, hold time.Duration) verdict {
	q.mu.Lock()
	defer q.unlock()
	if q.deleted {
		return gone
	}
	e := &entry{msg: m, count: q.args.counted}
	if q.args.rejectPublish && q.over(1, int64(len(m.body))) {
		if q.args.deadPublish {
			q.dead = append(q.dead, deadEntry{e, reasonMaxlen})
		}
		return rejected
	}
	q.seq++
	e.seq = q.seq
	q.broker.held(m.cost(), 1)
	if hold > 0 {
		e.notBefore = q.broker.now() + hold
	} else if q.ready.len() == 0 && q.offer(e) { // even a message with no time to live
		return accepted
	}
	if ttl := q.timeToLive(m); ttl >= 0 {
		e.expires = q.broker.now() + max(ttl, 1)
	}
	q.ready.pushBack(e)
	q.dispatch()
	if q.over(0, 0) {
		for q.ready.len() > 0 && q.over(0, 0) {
			q.discard(q.ready.popFront(), reasonMaxlen)
		}
		q.dispatch() // there is a new head, which may be about to expire
	}
	return accepted
}

// over says whether the ready messages, with so many more, exceed the queue's length.
func (q *queue) over(more int, bytes int64) bool {
	return q.args.maxLength >= 0 && int64(q.ready.len()+more) > q.args.maxLength ||
		q.args.maxBytes >= 0 && q.ready.bytes+bytes > q.args.maxBytes
}

func (q *queue) timeToLive(m *message) time.Duration {
	switch {
	case m.expiration < 0:
		return q.args.ttl
	case q.args.ttl < 0:
		return m.expiration
	}
	return min(m.expiration, q.args.ttl)
}

// discard lets go of an entry that is no longer ready, dead-lettering it if it should be.
func (q *queue) discard(e *entry, reason string) {
	q.broker.held(-e.msg.cost(), -1)
	if q.args.hasDLX {
		q.dead = append(q.dead, deadEntry{e, reason})
	}
}

// dispatch moves ready messages to consumers until one side runs out, and sees
// to it that the clock comes back for a head that waits. mu is held.
func (q *queue) dispatch() {
	for {
		q.expireHead()
		if q.ready.len() == 0 {
			return
		}
		e := q.ready.front()
		if e.notBefore > 0 && e.notBefore > q.broker.now() {
			q.wake(e.notBefore)
			return
		}
		if !q.offer(e) {
			if e.expires > 0 {
				q.wake(e.expires)
			}
			return
		}
		q.ready.popFront()
	}
}

// offer tries the consumers in turn.
func (q *queue) offer(e *entry) bool {
	for i := range q.consumers {
		at := (q.next + i) % len(q.consumers)
		cs := q.consumers[at]
		if !cs.ch.deliver(cs, q, e) {
			continue
		}
		q.next = at + 1
		q.delivered(cs.noAck, e)
		return true
	}
	return false
}

func (q *queue) delivered(noAck bool, e *entry) {
	if noAck {
		q.broker.held(-e.msg.cost(), -1)
	} else {
		q.unacked++
	}
}

// get takes the first message for basic.get; nil if there is none.
func (q *queue) get(noAck bool) (e *entry, left int, err error) {
	q.mu.Lock()
	defer q.unlock()
	if q.deleted {
		return nil, 0, noQueue(q.name)
	}
	q.used = q.broker.now()
	q.expireHead()
	if q.ready.len() == 0 {
		return nil, 0, nil
	}
	e = q.ready.popFront()
	q.delivered(noAck, e)
	q.dispatch() // the new head may be about to expire
	return e, q.ready.len(), nil
}

// expireHead drops what is overdue at the head.
func (q *queue) expireHead() {
	for q.ready.len() > 0 {
		e := q.ready.front()
		if e.expires == 0 || e.expires > q.broker.now() {
			return
		}
		q.discard(q.ready.popFront(), reasonExpired)
	}
}

// settle ends deliveries: acknowledged, dropped (rejected) or requeued.
func (q *queue) settle(entries []*entry, how settlement) {
	q.mu.Lock()
	defer q.unlock()
	if q.deleted {
		q.drop(entries)
		return
	}
	q.unacked -= len(entries)
	for _, e := range slices.Backward(entries) {
		switch how {
		case acked:
			q.broker.held(-e.msg.cost(), -1)
		case dropped:
			q.discard(e, reasonRejected)
		case requeued:
			e.redelivered = true
			e.returns++
			if q.args.deliveryLimit >= 0 && int64(e.returns) > q.args.deliveryLimit {
				q.discard(e, reasonDeliveryLimit)
				continue
			}
			q.ready.putBack(e)
		}
	}
	q.dispatch()
}

type settlement int

const (
	acked settlement = iota
	dropped
	requeued
)

// kick dispatches after a consumer has become able to take more.
func (q *queue) kick() {
	q.mu.Lock()
	q.dispatch()
	q.unlock()
}

// purge drops the ready messages and says how many they were.
func (q *queue) purge() int {
	q.mu.Lock()
	defer q.unlock()
	return q.drop(q.ready.drain())
}

func (q *queue) drop(entries []*entry) int {
	for _, e := range entries {
		q.broker.held(-e.msg.cost(), -1)
	}
	return len(entries)
}

// counts gives the ready messages and the consumers.
func (q *queue) counts() (ready, consumers int) {
	q.mu.Lock()
	defer q.unlock()
	return q.ready.len(), len(q.consumers)
}
