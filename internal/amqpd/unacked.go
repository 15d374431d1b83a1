package amqpd

import "sort"

// unacked is a delivery that awaits its acknowledgement.
type unacked struct {
	tag      uint64
	entry    *entry // nil once settled
	queue    *queue
	consumer *consumer // nil for basic.get
}

// unackedList keeps deliveries in order of tag. Settling out of order leaves
// holes, which go when everything before them has.
type unackedList struct {
	items []unacked
	head  int
}

func (l *unackedList) add(u unacked) {
	l.items = append(l.items, u)
}

// take removes one delivery.
func (l *unackedList) take(tag uint64) (unacked, bool) {
	items := l.items[l.head:]
	i := 0
	if len(items) > 0 && items[0].tag != tag { // the oldest is the usual one
		i = sort.Search(len(items), func(i int) bool { return items[i].tag >= tag })
	}
	if i == len(items) || items[i].tag != tag || items[i].entry == nil {
		return unacked{}, false
	}
	u := items[i]
	items[i] = unacked{tag: tag}
	l.tidy()
	return u, true
}

// takeUpTo removes every delivery up to and including tag, which must be
// outstanding; 0 stands for all there are.
func (l *unackedList) takeUpTo(tag uint64) (taken []unacked, ok bool) {
	items := l.items[l.head:]
	end := len(items)
	if tag != 0 {
		at := sort.Search(len(items), func(i int) bool { return items[i].tag >= tag })
		if at == len(items) || items[at].tag != tag || items[at].entry == nil {
			return nil, false
		}
		end = at + 1
	}
	for i, u := range items[:end] {
		if u.entry != nil {
			taken = append(taken, u)
			items[i] = unacked{tag: u.tag}
		}
	}
	l.tidy()
	return taken, true
}

func (l *unackedList) takeAll() []unacked {
	all, _ := l.takeUpTo(0)
	return all
}

func (l *unackedList) tidy() {
	for l.head < len(l.items) && l.items[l.head].entry == nil {
		l.head++
	}
	if l.head == len(l.items) {
		l.items, l.head = l.items[:0], 0
	} else if l.head > 64 && l.head > len(l.items)/2 {
		n := copy(l.items, l.items[l.head:])
		clear(l.items[n:])
		l.items, l.head = l.items[:n], 0
	}
}
