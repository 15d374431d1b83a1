package simulation

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestTheQueueIsInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q queue
	var want []event
	for i := range int64(5000) {
		e := event{at: time.Duration(rng.Int64N(300)), arg: i} // many at once: those are in the order of their birth
		q.push(e)
		want = append(want, e)
	}
	slices.SortStableFunc(want, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for i, w := range want {
		if got := q.pop(); got.arg != w.arg {
			t.Fatalf("event %d is %d, want %d", i, got.arg, w.arg)
		}
	}
	if len(q.heap) != 0 {
		t.Errorf("%d events are left", len(q.heap))
	}
}

func TestTheTraceSeesEverything(t *testing.T) {
	digests := map[string]bool{}
	for _, change := range []func(*event){
		func(*event) {}, func(e *event) { e.at++ }, func(e *event) { e.who++ }, func(e *event) { e.arg++ }, func(e *event) { e.kind++ },
	} {
		tr := newTrace()
		for i := range 3000 { // more than one buffer
			e := event{at: time.Duration(i), who: 1, arg: 2, kind: evTick}
			if i == 1500 {
				change(&e)
			}
			tr.add(&e)
			tr.note('x', 1)
		}
		digests[tr.digest()] = true
	}
	if len(digests) != 5 {
		t.Errorf("5 runs that differ have %d digests", len(digests))
	}
}
