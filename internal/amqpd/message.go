package amqpd

import (
	"slices"
	"time"
)

// messageCost is what a message is reckoned to cost besides its bytes.
const messageCost = 256

// message is immutable once published: queues share it.
type message struct {
	exchange, key string
	props         properties
	body          []byte
	expiration    time.Duration // from the expiration property, -1 if none
}

func (m *message) cost() int64 { return int64(len(m.body) + len(m.props.raw) + messageCost) }

// entry is a message's place in one queue.
type entry struct {
	msg         *message
	seq         uint64        // its place: entries that come back go where they were
	expires     time.Duration // on the server's clock, 0 for never
	notBefore   time.Duration // held back until then by a fault
	returns     int           // how often it came back unacknowledged
	redelivered bool
	count       bool // say so in a header, as quorum queues do
}

// counted is the message, with how often it came back where that is asked for.
func (e *entry) counted() *message {
	if !e.count || e.returns == 0 {
		return e.msg
	}
	h := e.msg.props.headers()
	if h == nil {
		h = table{}
	}
	h["x-delivery-count"] = int64(e.returns)
	m := *e.msg
	m.props = m.props.with(propHeaders, appendTable(nil, h))
	return &m
}

// deque holds a queue's ready entries in order of seq.
type deque struct {
	items []*entry
	head  int
	bytes int64
}

func (d *deque) len() int { return len(d.items) - d.head }

func (d *deque) front() *entry { return d.items[d.head] }

func (d *deque) pushBack(e *entry) {
	d.items = append(d.items, e)
	d.bytes += int64(len(e.msg.body))
}

func (d *deque) popFront() *entry {
	e := d.items[d.head]
	d.items[d.head] = nil
	d.head++
	d.bytes -= int64(len(e.msg.body))
	switch {
	case d.head == len(d.items):
		d.items, d.head = d.items[:0], 0
		if cap(d.items) > 1024 {
			d.items = nil
		}
	case d.head > 32 && d.head > len(d.items)/2:
		n := copy(d.items, d.items[d.head:])
		clear(d.items[n:])
		d.items, d.head = d.items[:n], 0
	}
	return e
}

// putBack inserts e where its seq belongs, nearly always at the front.
func (d *deque) putBack(e *entry) {
	live := d.items[d.head:]
	at, _ := slices.BinarySearchFunc(live, e.seq, func(x *entry, seq uint64) int {
		if x.seq < seq {
			return -1
		}
		return 1
	})
	d.bytes += int64(len(e.msg.body))
	if d.head == 0 { // make room in front, in proportion, so that many put backs stay cheap
		room := max(8, len(d.items)/2)
		d.items = append(make([]*entry, room, room+len(d.items)+8), d.items...)
		d.head = room
	}
	copy(d.items[d.head-1:], d.items[d.head:d.head+at])
	d.head--
	d.items[d.head+at] = e
}

// drain takes all entries out.
func (d *deque) drain() []*entry {
	all := slices.Clone(d.items[d.head:])
	*d = deque{}
	return all
}
