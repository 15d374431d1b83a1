package amqpd

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestUnackedList compares the list with a map, over many random settlements.
func TestUnackedList(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var l unackedList
	want := map[uint64]bool{}
	tag := uint64(0)
	for range 20_000 {
		switch n := rnd.IntN(10); {
		case n < 5:
			tag++
			l.add(unacked{tag: tag, entry: &entry{seq: tag}})
			want[tag] = true
		case n < 9:
			pick := uint64(rnd.IntN(int(tag) + 2))
			u, ok := l.take(pick)
			if ok != want[pick] || ok && u.entry.seq != pick {
				t.Fatalf("take(%d) gave %v, %v; want %v", pick, u.tag, ok, want[pick])
			}
			delete(want, pick)
		default:
			pick := 1 + uint64(rnd.IntN(int(tag)+2))
			taken, ok := l.takeUpTo(pick)
			if ok != want[pick] {
				t.Fatalf("takeUpTo(%d) gave %v, want %v", pick, ok, want[pick])
			}
			if !ok {
				continue
			}
			var due []uint64
			for k := range want {
				if k <= pick {
					due = append(due, k)
					delete(want, k)
				}
			}
			slices.Sort(due)
			if !slices.EqualFunc(taken, due, func(u unacked, k uint64) bool { return u.tag == k }) {
				t.Fatalf("takeUpTo(%d) gave %d deliveries, want %v", pick, len(taken), due)
			}
		}
	}
	if got := l.takeAll(); len(got) != len(want) {
		t.Errorf("%d deliveries left, want %d", len(got), len(want))
	}
}

// TestDeque checks order and byte count while entries come, go and come back.
func TestDeque(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var d deque
	var out []*entry
	var want []uint64
	for seq := uint64(1); seq < 20_000; seq++ {
		switch n := rnd.IntN(8); {
		case n < 4:
			d.pushBack(&entry{seq: seq, msg: &message{body: make([]byte, seq%7)}})
			want = append(want, seq)
		case n < 6 && len(want) > 0:
			e := d.popFront()
			if e.seq != want[0] {
				t.Fatalf("popped %d, want %d", e.seq, want[0])
			}
			want = want[1:]
			out = append(out, e)
		case len(out) > 0:
			i := rnd.IntN(len(out))
			e := out[i]
			out = slices.Delete(out, i, i+1)
			d.putBack(e)
			at, _ := slices.BinarySearch(want, e.seq)
			want = slices.Insert(want, at, e.seq)
		}
		if d.len() != len(want) {
			t.Fatalf("holds %d, want %d", d.len(), len(want))
		}
	}
	bytes := int64(0)
	for _, seq := range want {
		bytes += int64(seq % 7)
	}
	if d.bytes != bytes {
		t.Errorf("counts %d bytes, want %d", d.bytes, bytes)
	}
	for i, e := range d.drain() {
		if e.seq != want[i] {
			t.Fatalf("drained %d at %d, want %d", e.seq, i, want[i])
		}
	}
}

// TestExclusiveQueuesAreForgotten has a connection own many that are gone.
func TestExclusiveQueuesAreForgotten(t *testing.T) {
	c := &conn{exclusive: map[*queue]bool{}}
	kept := &queue{}
	c.own(kept)
	for range 500 {
		c.own(&queue{deleted: true})
	}
	if n := len(c.exclusive); n > 64 || !c.exclusive[kept] {
		t.Errorf("the connection remembers %d queues that are gone; the one that is not: %v", n-1, c.exclusive[kept])
	}
}
