package amqpd

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func openChannel(t testing.TB, c *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func TestMaxMessageBytes(t *testing.T) {
	ch := openChannel(t, dial(t, serve(t, Options{MaxMessageBytes: 10})))
	ended := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.PublishWithContext(t.Context(), "", "k", false, false, amqp.Publishing{Body: make([]byte, 11)}); err != nil {
		t.Fatal(err)
	}
	e := <-ended
	if e == nil || e.Code != amqp.PreconditionFailed || !strings.Contains(e.Reason, "message size 11 is larger than configured max size 10") {
		t.Errorf("got %v", e)
	}
}

func TestMaxConnections(t *testing.T) {
	s := serve(t, Options{MaxConnections: 1})
	first := dial(t, s)
	_, err := amqp.Dial(s.URL())
	if e, ok := errors.AsType[*amqp.Error](err); !ok || e.Code != amqp.NotAllowed || !strings.Contains(e.Reason, "connection limit (1) is reached") {
		t.Errorf("got %v", err)
	}
	first.Close()
	for end := time.Now().Add(5 * time.Second); s.Stats().Connections > 0; {
		if time.Now().After(end) {
			t.Fatal("the connection is still counted")
		}
		time.Sleep(time.Millisecond)
	}
	dial(t, s)
}

// TestMaxBytes fills the broker: publishers are blocked until a consumer, on a
// connection that does not publish, makes room.
func TestMaxBytes(t *testing.T) {
	s := serve(t, Options{MaxBytes: 100_000})
	publisher, consumer := dial(t, s), dial(t, s)
	blocked := publisher.NotifyBlocked(make(chan amqp.Blocking, 10))
	in := openChannel(t, publisher)
	q, err := in.QueueDeclare("q", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	const n = 30
	for i := range n { // the sockets' buffers take what the broker does not read
		err := in.PublishWithContext(t.Context(), "", q.Name, false, false, amqp.Publishing{MessageId: fmt.Sprint(i), Body: make([]byte, 10_000)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if b := <-blocked; !b.Active || b.Reason != "low on memory" {
		t.Errorf("got %+v", b)
	}
	if st := s.Stats(); st.Bytes > 120_000 {
		t.Errorf("the broker took %d bytes, with a limit of 100000", st.Bytes)
	}
	ds, err := openChannel(t, consumer).Consume(q.Name, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if d := <-ds; d.MessageId != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, d.MessageId)
		}
	}
	if b := <-blocked; b.Active {
		t.Errorf("got %+v, want unblocked", b)
	}
	if st := s.Stats(); st.Bytes != 0 || st.Messages != 0 {
		t.Errorf("the empty broker counts %+v", st)
	}
}

// TestSlowReader has a consumer that reads nothing: what waits for it is bounded,
// other consumers go on, and in the end it gets everything.
func TestSlowReader(t *testing.T) {
	s := serve(t, Options{})
	r := dialRaw(t, s).open()
	r.write(frames(
		method(1, idQueueDeclare, uint16(0), "slow", byte(0), table{}),
		method(1, idBasicConsume, uint16(0), "slow", "tag", byte(1<<1), table{}),
	))
	r.expect(idQueueDeclareOK)
	r.expect(idBasicConsumeOK)
	ch := openChannel(t, dial(t, s))
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	const n, size = 400, 100_000
	var last *amqp.DeferredConfirmation
	for range n {
		var err error
		if last, err = ch.PublishWithDeferredConfirm("", "slow", false, false, amqp.Publishing{Body: make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
	}
	last.Wait()
	if st := s.Stats(); st.Messages < n/2 {
		t.Errorf("only %d of %d messages wait in the queue: the rest is in the connection's buffer", st.Messages, n)
	}
	for range n {
		r.expect(idBasicDeliver)
	}
	if st := s.Stats(); st.Messages != 0 || st.Bytes != 0 {
		t.Errorf("the empty broker counts %+v", st)
	}
}

func TestIdleServerIsSmall(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const servers = 20
	for range servers {
		serve(t, Options{})
	}
	if each := (int64(heap()) - int64(before)) / servers; each > 100_000 {
		t.Errorf("an idle server takes %d bytes of heap", each)
	}
}
