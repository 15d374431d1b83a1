package amqpd

import (
	"slices"
	"time"
)

// wake asks the clock to call tick at the moment given, unless it already will
// come earlier. mu is held.
func (q *queue) wake(at time.Duration) {
	if q.wakeAt == 0 || at < q.wakeAt {
		q.wakeAt = at
		q.broker.s.clock.schedule(at, q.tick)
	}
}

// tick expires messages, and the queue itself once x-expires has passed unused.
func (q *queue) tick() {
	q.mu.Lock()
	q.wakeAt = 0
	unused := false
	if !q.deleted {
		q.dispatch()
		if q.args.expires >= 0 && len(q.consumers) == 0 {
			unused = q.broker.now() >= q.used+q.args.expires
			q.touch(q.used)
		}
	}
	q.unlock()
	if unused {
		// A consumer that slips in between keeps the queue.
		q.broker.deleteQueue(q, func() bool { return len(q.consumers) == 0 })
	}
}

// touch notes when the queue was used, and arms x-expires. mu is held.
func (q *queue) touch(at time.Duration) {
	q.used = at
	if q.args.expires >= 0 {
		q.wake(max(q.used+q.args.expires, q.broker.now()+1))
	}
}

// addConsumer subscribes cs and starts delivering to it.
func (q *queue) addConsumer(cs *consumer) error {
	q.mu.Lock()
	defer q.unlock()
	switch {
	case q.deleted:
		return noQueue(q.name)
	case q.exclusive || cs.exclusive && len(q.consumers) > 0:
		return chanError(AccessRefused, "%s in exclusive use", queueRef(q.name))
	}
	q.exclusive = cs.exclusive
	q.consumers = append(q.consumers, cs)
	return nil
}

// removeConsumer unsubscribes cs. An auto-delete queue goes with its last one.
func (q *queue) removeConsumer(cs *consumer) {
	q.mu.Lock()
	at := slices.Index(q.consumers, cs)
	if at < 0 {
		q.unlock()
		return
	}
	q.consumers = slices.Delete(q.consumers, at, at+1)
	q.exclusive = false
	last := len(q.consumers) == 0
	if last && !q.deleted {
		q.touch(q.broker.now())
	}
	q.unlock()
	if last && q.autoDelete {
		q.broker.deleteQueue(q, func() bool { return len(q.consumers) == 0 })
	}
}

// end marks the queue deleted and gives back its ready messages. mu is held.
func (q *queue) end() (messages int, consumers []*consumer) {
	q.deleted = true
	consumers, q.consumers = q.consumers, nil
	return q.drop(q.ready.drain()), consumers
}
