package amqpx

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func addrs(ns []*node) (found []string) {
	for _, n := range ns {
		found = append(found, n.addr)
	}
	return found
}

func TestWellNodesComeFirstAtRandom(t *testing.T) {
	ns, err := newNodes([]string{"a:1", "b:1", "c:1"})
	if err != nil {
		t.Fatal(err)
	}
	firsts := map[string]int{}
	for range 300 {
		firsts[ns.order()[0].addr]++
	}
	for _, addr := range []string{"a:1", "b:1", "c:1"} {
		if firsts[addr] < 30 { // of 100; one in 10^17 by chance
			t.Errorf("%s came first %d times of 300", addr, firsts[addr])
		}
	}
}

func TestNodesThatFailedComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ns, err := newNodes([]string{"a:1", "b:1", "c:1"})
		if err != nil {
			t.Fatal(err)
		}
		a, b := ns.list[0], ns.list[1]
		ns.ended(a, 0)
		time.Sleep(10 * time.Millisecond)
		ns.ended(b, 0)
		for range 50 { // the longest ago first
			if got := addrs(ns.order()); !slices.Equal(got, []string{"c:1", "a:1", "b:1"}) {
				t.Fatalf("got %q", got)
			}
		}
		time.Sleep(shunFirst) // forgiven
		firsts := map[string]bool{}
		for range 100 {
			firsts[ns.order()[0].addr] = true
		}
		if len(firsts) != 3 {
			t.Errorf("only %v come first after a while", firsts)
		}
		// Failures in a row last longer, up to a bound; a session that lasted counts anew.
		for range 20 {
			ns.ended(a, 0)
		}
		if left := time.Until(a.shunned); left != shunCap {
			t.Errorf("after 20 failures it is shunned for %s", left)
		}
		ns.ended(a, healthyAfter+time.Second)
		if left := time.Until(a.shunned); left != shunFirst {
			t.Errorf("after a good session it is shunned for %s", left)
		}
	})
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, list := range [][]string{{"a"}, {":1"}, {"a:0"}, {"a:x"}, {"a:70000"}, {"a:1", "b:1", "a:1"}} {
		if _, err := newNodes(list); err == nil {
			t.Errorf("%q was accepted", list)
		}
	}
}
