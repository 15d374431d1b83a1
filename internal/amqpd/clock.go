package amqpd

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// clock calls functions at moments on the server's time line, which starts at
// zero when the server does. It is one goroutine, so that a million messages
// with an expiration cost no timer each.
type clock struct {
	start time.Time
	kick  chan struct{}

	mu    sync.Mutex
	calls callHeap
}

type call struct {
	at time.Duration
	do func()
}

func newClock() *clock { return &clock{start: time.Now(), kick: make(chan struct{}, 1)} }

func (c *clock) now() time.Duration { return time.Since(c.start) }

// schedule has do called once the moment has come, if the server still runs.
func (c *clock) schedule(at time.Duration, do func()) {
	c.mu.Lock()
	heap.Push(&c.calls, call{at, do})
	first := c.calls[0].at >= at
	c.mu.Unlock()
	if first {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
}

// run makes the calls until ctx ends.
func (c *clock) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(c.callDue())
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
		case <-timer.C:
		}
	}
}

// callDue makes the calls that are due and says how long until the next.
func (c *clock) callDue() time.Duration {
	for {
		c.mu.Lock()
		if len(c.calls) == 0 {
			c.mu.Unlock()
			return time.Hour
		}
		if wait := c.calls[0].at - c.now(); wait > 0 {
			c.mu.Unlock()
			return wait
		}
		next := heap.Pop(&c.calls).(call)
		c.mu.Unlock()
		next.do()
	}
}

type callHeap []call

func (h callHeap) Len() int           { return len(h) }
func (h callHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h callHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *callHeap) Push(x any)        { *h = append(*h, x.(call)) }
func (h *callHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = call{}
	*h = old[:len(old)-1]
	return x
}
