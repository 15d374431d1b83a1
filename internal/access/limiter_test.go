package access

import (
	"strconv"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	clock := newClock()
	l := NewLimiter(2, 3, 100, clock.time)
	allow := func(want bool, keys ...string) time.Duration {
		t.Helper()
		wait, ok := l.Allow(keys...)
		if ok != want || ok != (wait == 0) {
			t.Errorf("%v: %v, %s", keys, ok, wait)
		}
		return wait
	}
	for range 3 {
		allow(true, "a")
	}
	if wait := allow(false, "a"); wait != 500*time.Millisecond {
		t.Errorf("told to wait for %s", wait)
	}
	allow(true, "b")
	// One key's refusal costs the other nothing.
	for range 10 {
		allow(false, "b", "a")
	}
	allow(true, "b")
	allow(true, "b")
	allow(false, "b")
	clock.add(500 * time.Millisecond)
	allow(true, "a", "b")
	allow(false, "a")
	clock.add(time.Hour)
	for range 3 {
		allow(true, "a")
	}
	allow(false, "a")
}

func TestLimiterIsBounded(t *testing.T) {
	l := NewLimiter(1, 1, 100, newClock().time)
	for i := range 1000 {
		l.Allow(strconv.Itoa(i))
	}
	if n := l.byKey.len(); n != 100 {
		t.Errorf("%d keys are remembered", n)
	}
	if _, ok := l.Allow("999"); ok {
		t.Error("a key that came last was forgotten")
	}
}
