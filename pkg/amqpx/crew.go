package amqpx

import (
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// crewIdle is how long a goroutine waits for its next call before it ends.
const crewIdle = time.Second

// crew is the goroutines that handle the calls of one function on one session. One
// that has handled a call takes the next: its stack has grown already to what a
// handler needs, which for a new one costs more than the call's JSON.
type crew struct {
	next chan amqp.Delivery // closed when no more come
	// idle counts those who wait for a call and whom nobody has claimed. Who claims
	// one sends on next, and is heard; one who claims itself ends. A handler is
	// counted before its slot is free, so that with a slot taken and nobody idle
	// there are fewer of them than slots.
	idle atomic.Int64
}

// claim takes one of the idle; false: there are none.
func (c *crew) claim() bool {
	for {
		n := c.idle.Load()
		if n == 0 {
			return false
		}
		if c.idle.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// work handles a call and those that come after it, and frees the slot of each.
func (c *crew) work(d amqp.Delivery, handle func(amqp.Delivery), free func()) {
	wait := time.NewTimer(crewIdle)
	defer wait.Stop()
	for more := true; more; {
		handle(d)
		c.idle.Add(1)
		free()
		wait.Reset(crewIdle)
		select {
		case d, more = <-c.next:
		case <-wait.C:
			if c.claim() {
				return
			}
			d, more = <-c.next // somebody has claimed this one
		}
	}
}
