package amqpd

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// faulty is a server with faults, a client's channel in confirm mode, and a queue.
func faulty(t *testing.T) (f *Faults, c *amqp.Connection, ch *amqp.Channel, queue string) {
	t.Helper()
	f = &Faults{}
	c = dial(t, serve(t, Options{Faults: f}))
	ch = openChannel(t, c)
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclare("q", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, c, ch, q.Name
}

func publish(t *testing.T, ch *amqp.Channel, key string) *amqp.DeferredConfirmation {
	t.Helper()
	c, err := ch.PublishWithDeferredConfirm("", key, true, false, amqp.Publishing{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cutOff waits for the end of a connection that nobody announced.
func cutOff(t *testing.T, c *amqp.Connection) {
	t.Helper()
	select {
	case e := <-c.NotifyClose(make(chan *amqp.Error, 1)):
		if e != nil && e.Server {
			t.Errorf("the broker said %v, want silence", e)
		}
	case <-time.After(5 * time.Second):
		t.Error("the connection is still open")
	}
}

func TestFaultDrop(t *testing.T) {
	for name, tc := range map[string]struct {
		pick func(Frame) bool
		left int // messages in the queue afterwards
	}{
		"before a publish is acted upon": {func(f Frame) bool { return f.Method == "basic.publish" }, 0},
		"before its body":                {func(f Frame) bool { return f.Method == "header" }, 0},
		"before its confirm is sent":     {func(f Frame) bool { return f.Out && f.Method == "basic.ack" }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f, c, ch, q := faulty(t)
			f.DropWhen(tc.pick)
			publish(t, ch, q)
			cutOff(t, c)
			f.DropWhen(nil)
			// The server is the same: only the URL is needed to look.
			again, err := amqp.Dial("amqp://guest:guest@" + c.RemoteAddr().String() + "/")
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			got, err := openChannel(t, again).QueueDeclarePassive(q, false, false, false, false, nil)
			if err != nil || got.Messages != tc.left {
				t.Errorf("the queue holds %d messages (%v), want %d", got.Messages, err, tc.left)
			}
		})
	}
}

func TestFaultDropDelivery(t *testing.T) {
	f, c, ch, q := faulty(t)
	f.DropWhen(func(fr Frame) bool { return fr.Method == "basic.deliver" })
	if _, err := ch.Consume(q, "", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	ch.PublishWithContext(t.Context(), "", q, false, false, amqp.Publishing{}) // may see the end already
	cutOff(t, c)
}

func TestFaultDropAfter(t *testing.T) {
	f := &Faults{}
	s := serve(t, Options{Faults: f})
	f.DropAfter(3) // start-ok, tune-ok, open
	c := dial(t, s)
	if _, err := c.Channel(); err == nil {
		t.Error("the fourth frame was answered")
	}
	cutOff(t, c)
	f.DropAfter(0)
	openChannel(t, dial(t, s))
}

func TestFaultDropsOnlyTheChosenConnection(t *testing.T) {
	f := &Faults{}
	s := serve(t, Options{Faults: f})
	f.DropWhen(func(fr Frame) bool { return fr.Connection == "victim" && fr.Method == "channel.open" })
	victim, err := amqp.DialConfig(s.URL(), amqp.Config{Properties: amqp.Table{"connection_name": "victim"}})
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	openChannel(t, dial(t, s))
	if _, err := victim.Channel(); err == nil {
		t.Error("the victim lives")
	}
}

func TestFaultConfirms(t *testing.T) {
	f, _, ch, q := faulty(t)
	f.DelayConfirms(100 * time.Millisecond)
	began := time.Now()
	if !publish(t, ch, q).Wait() {
		t.Error("a delayed confirm is a nack")
	}
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("the confirm took %s, want a delay of 100ms", took)
	}
	f.DelayConfirms(0)
	f.NackPublishes(func(p Publish) bool { return p == Publish{Key: q} })
	if publish(t, ch, q).Wait() {
		t.Error("the publish was not refused")
	}
	f.NackPublishes(nil)
	if !publish(t, ch, q).Wait() {
		t.Error("the publish was refused")
	}
	if got, err := ch.QueueDeclarePassive(q, false, false, false, false, nil); err != nil || got.Messages != 2 {
		t.Errorf("the queue holds %d messages (%v), want 2", got.Messages, err)
	}
}

func TestFaultReturns(t *testing.T) {
	f, _, ch, q := faulty(t)
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	f.ReturnPublishes(func(p Publish) bool { return p.Key == q })
	if !publish(t, ch, q).Wait() {
		t.Error("a returned publish is confirmed with ack")
	}
	if r := <-returns; r.ReplyCode != amqp.NoRoute || r.RoutingKey != q {
		t.Errorf("got %+v", r)
	}
}

func TestFaultRefusesConsume(t *testing.T) {
	f, c, ch, q := faulty(t)
	f.RefuseConsume(func(name string) bool { return name == q })
	_, err := ch.Consume(q, "", false, false, false, false, nil)
	if e, ok := errors.AsType[*amqp.Error](err); !ok || e.Code != amqp.AccessRefused {
		t.Errorf("got %v, want 403", err)
	}
	f.RefuseConsume(nil)
	if _, err := openChannel(t, c).Consume(q, "", false, false, false, false, nil); err != nil {
		t.Error(err)
	}
}

func TestFaultDelaysDeliveries(t *testing.T) {
	f, _, ch, q := faulty(t)
	in, err := ch.Consume(q, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.DelayDeliveries(100 * time.Millisecond)
	began := time.Now()
	publish(t, ch, q)
	<-in
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("the delivery took %s, want a delay of 100ms", took)
	}
}

func TestFaultBlocks(t *testing.T) {
	f, c, ch, q := faulty(t)
	blocked := c.NotifyBlocked(make(chan amqp.Blocking, 2))
	publish(t, ch, q).Wait() // only publishers are told
	f.Block("for the test")
	if b := <-blocked; !b.Active || b.Reason != "for the test" {
		t.Errorf("got %+v", b)
	}
	// The broker sees one more frame at most before it stops reading.
	publish(t, ch, q)
	late := publish(t, ch, q)
	select {
	case <-late.Done():
		t.Error("a blocked publish was confirmed")
	case <-time.After(100 * time.Millisecond):
	}
	f.Unblock()
	if b := <-blocked; b.Active {
		t.Errorf("got %+v, want unblocked", b)
	}
	if !late.Wait() {
		t.Error("the publish was refused")
	}
}

// TestRunEndsWhileBlocked stops a server that has stopped reading.
func TestRunEndsWhileBlocked(t *testing.T) {
	f := &Faults{}
	s, err := New(Options{Addr: "127.0.0.1:0", Faults: f})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c := dial(t, s)
	ch := openChannel(t, c)
	f.Block("until the end")
	for range 3 { // the first may yet be read
		if err := ch.PublishWithContext(t.Context(), "", "k", false, false, amqp.Publishing{}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run did not end")
	}
}
