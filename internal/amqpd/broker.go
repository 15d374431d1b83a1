package amqpd

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"slices"
	"sync"
	"time"
)

// broker holds what clients share: exchanges, queues and reply addresses.
type broker struct {
	s *Server

	mu        sync.RWMutex
	exchanges map[string]*exchange
	queues    map[string]*queue
	replies   map[string]*channel // direct reply-to, by token
}

func newBroker(s *Server) *broker {
	b := &broker{s: s, exchanges: map[string]*exchange{}, queues: map[string]*queue{}, replies: map[string]*channel{}}
	for name, kind := range map[string]string{"": "direct", "amq.direct": "direct", "amq.fanout": "fanout",
		"amq.topic": "topic", "amq.headers": "headers", "amq.match": "headers"} {
		b.exchanges[name] = &exchange{name: name, kind: kind, durable: true, predeclared: true}
	}
	return b
}

func (b *broker) now() time.Duration { return b.s.clock.now() }

// held adds to, or takes from, what the queues hold.
func (b *broker) held(bytes int64, messages int64) { b.s.alarm.held(bytes, messages) }

// randomName gives a name that nobody can guess, with the prefix given.
func randomName(prefix string) string {
	var id [16]byte
	rand.Read(id[:])
	return prefix + base64.RawURLEncoding.EncodeToString(id[:])
}

func (b *broker) queue(name string) *queue {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.queues[name]
}

// route adds to into the queues that a message to the exchange reaches; x is nil
// if there is no such exchange.
func (b *broker) route(exchange, key string, p properties, into []*queue) (reached []*queue, x *exchange) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if exchange == "" {
		if q := b.queues[key]; q != nil {
			into = append(into, q)
		}
		return into, b.exchanges[""]
	}
	x = b.exchanges[exchange]
	if x == nil {
		return into, nil
	}
	headers := sync.OnceValue(p.headers)
	return b.follow(x, key, headers, into, nil), x
}

// follow walks exchange-to-exchange bindings, each exchange once.
func (b *broker) follow(x *exchange, key string, headers func() table, into []*queue, seen []*exchange) []*queue {
	seen = append(seen, x)
	before, forwarded := len(into), false
	x.match(key, headers, func(bd *binding) {
		switch {
		case bd.queue != nil:
			if !slices.Contains(into, bd.queue) {
				into = append(into, bd.queue)
			}
		case !slices.Contains(seen, bd.to):
			forwarded = true
			into = b.follow(bd.to, key, headers, into, seen)
		}
	})
	if x.name == "" {
		if q := b.queues[key]; q != nil {
			into = append(into, q)
		}
	}
	if alt := b.exchanges[x.alternate]; x.alternate != "" && alt != nil && len(into) == before && !forwarded && !slices.Contains(seen, alt) {
		into = b.follow(alt, key, headers, into, seen)
	}
	return into
}

// deleteQueue removes q if it is still there and still, under its lock, allows it.
// It tells the queue's consumers and says how many messages went with it.
func (b *broker) deleteQueue(q *queue, still func() bool) (messages int, ok bool) {
	b.mu.Lock()
	q.mu.Lock()
	if q.deleted || !still() {
		q.mu.Unlock()
		b.mu.Unlock()
		return 0, false
	}
	messages, consumers := q.end()
	q.mu.Unlock()
	delete(b.queues, q.name)
	b.removeBindings(func(bd *binding) bool { return bd.queue == q })
	b.mu.Unlock()
	for _, cs := range consumers {
		cs.ch.queueGone(cs)
	}
	return messages, true
}

// removeBindings unbinds everywhere, and deletes the auto-delete exchanges that
// lose their last binding, which may take further bindings along. mu is held.
func (b *broker) removeBindings(drop func(*binding) bool) {
	for _, x := range slices.Collect(maps.Values(b.exchanges)) {
		if x.remove(drop) && x.autoDelete && len(x.bindings) == 0 {
			b.deleteExchange(x)
		}
	}
}

// deleteExchange removes x and every binding to it. mu is held.
func (b *broker) deleteExchange(x *exchange) {
	if b.exchanges[x.name] != x {
		return
	}
	delete(b.exchanges, x.name)
	x.remove(func(*binding) bool { return true })
	if x.inbound > 0 {
		b.removeBindings(func(bd *binding) bool { return bd.to == x })
	}
}
