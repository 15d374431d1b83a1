package amqpx

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// As many goroutines as slots handle all calls, each call once, and end when nothing
// comes for a while, or nothing more at all.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots, calls = 3, 500
		c := &crew{next: make(chan amqp.Delivery)}
		taken := make(chan struct{}, slots)
		var members sync.WaitGroup
		var begun, now, most, handled atomic.Int64
		give := func(n uint64) {
			taken <- struct{}{}
			if c.claim() {
				c.next <- amqp.Delivery{DeliveryTag: n}
				return
			}
			begun.Add(1)
			members.Go(func() {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				c.work(amqp.Delivery{DeliveryTag: n}, func(d amqp.Delivery) {
					handled.Add(int64(d.DeliveryTag))
					time.Sleep(time.Duration(d.DeliveryTag%7) * time.Millisecond)
				}, func() { <-taken })
			})
		}
		for n := range uint64(calls) {
			give(n)
		}
		synctest.Wait()
		if begun.Load() > slots || most.Load() > slots {
			t.Errorf("%d goroutines were begun for %d slots, %d at once", begun.Load(), slots, most.Load())
		}
		time.Sleep(2 * crewIdle)
		synctest.Wait()
		if now.Load() != 0 {
			t.Errorf("%d goroutines stay though nothing comes", now.Load())
		}
		give(calls)
		time.Sleep(crewIdle / 2)
		close(c.next)
		members.Wait()
		if want := int64(calls * (calls + 1) / 2); handled.Load() != want {
			t.Errorf("what was handled sums up to %d, want %d", handled.Load(), want)
		}
	})
}
