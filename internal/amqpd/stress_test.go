package amqpd

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// TestNothingIsLost has producers publish confirmed messages while consumers
// acknowledge, requeue, and end their channels and connections at whim, and while
// other queues come and go. In the end every message has been acknowledged.
func TestNothingIsLost(t *testing.T) {
	s := serve(t, Options{})
	setup := openChannel(t, dial(t, s))
	dead, err := setup.QueueDeclare("dead", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	args := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.Name}
	if _, err := setup.QueueDeclare("work", false, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	const producers, each = 3, 500
	var mu sync.Mutex
	acked := map[string]bool{}
	all := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	for p := range producers {
		wg.Go(func() {
			ch := openOrFail(t, s)
			if ch == nil || ch.Confirm(false) != nil {
				return
			}
			var last *amqp.DeferredConfirmation
			for i := range each {
				id := fmt.Sprintf("%d.%d", p, i)
				last, _ = ch.PublishWithDeferredConfirm("", "work", true, false, amqp.Publishing{MessageId: id})
			}
			if !last.Wait() {
				t.Error("the last publish was refused")
			}
		})
	}
	for c := range 4 {
		rnd := rand.New(rand.NewPCG(uint64(c), 9))
		queue := []string{"work", "dead"}[c%2]
		wg.Go(func() {
			for {
				conn, err := amqp.Dial(s.URL())
				if err != nil {
					t.Error(err)
					return
				}
				done := consumeAtWhim(conn, queue, rnd, all, func(id string) {
					mu.Lock()
					defer mu.Unlock()
					if acked[id] {
						return
					}
					acked[id] = true
					if len(acked) == producers*each {
						close(all)
					}
				})
				conn.Close()
				if done {
					return
				}
			}
		})
	}
	wg.Go(func() { // others come and go, exclusive queues and all
		for {
			select {
			case <-all:
				return
			default:
			}
			ch := openOrFail(t, s)
			if ch == nil {
				return
			}
			q, err := ch.QueueDeclare("", false, true, true, false, amqp.Table{"x-message-ttl": int32(1)})
			if err != nil {
				t.Error(err)
				return
			}
			ch.QueueBind(q.Name, "", "amq.fanout", false, nil)
			ch.PublishWithContext(t.Context(), "amq.fanout", "", false, false, amqp.Publishing{})
		}
	})
	select {
	case <-all:
	case <-time.After(30 * time.Second):
		mu.Lock()
		t.Errorf("%d of %d messages were acknowledged; the broker holds %+v", len(acked), producers*each, s.Stats())
		close(all)
		mu.Unlock()
	}
}

// openOrFail is for goroutines, which must not stop the test themselves. The
// connection ends with the server.
func openOrFail(t *testing.T, s *Server) *amqp.Channel {
	c, err := amqp.Dial(s.URL())
	if err != nil {
		t.Error(err)
		return nil
	}
	ch, err := c.Channel()
	if err != nil {
		t.Error(err)
	}
	return ch
}

// consumeAtWhim takes messages until chance ends its channel, or all are done.
func consumeAtWhim(conn *amqp.Connection, queue string, rnd *rand.Rand, all <-chan struct{}, acked func(id string)) (done bool) {
	ch, err := conn.Channel()
	if err != nil {
		return false
	}
	ch.Qos(1+rnd.IntN(20), 0, rnd.IntN(2) == 0)
	in, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return false
	}
	for {
		select {
		case <-all:
			return true
		case d, ok := <-in:
			if !ok {
				return false
			}
			switch n := rnd.IntN(100); {
			case n < 70 || queue == "dead":
				if d.Ack(false) == nil {
					acked(d.MessageId)
				}
			case n < 85:
				d.Nack(false, true)
			case n < 95:
				d.Nack(false, false)
			default:
				return false
			}
		}
	}
}
