package amqpd

import (
	"context"
	"log/slog"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server for the length of the test and stops it afterwards.
func serve(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	})
	<-s.Started()
	return s
}

// dial connects a client and closes it after the test.
func dial(t testing.TB, s *Server) *amqp.Connection {
	t.Helper()
	c, err := amqp.DialConfig(s.URL(), amqp.Config{Heartbeat: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPublishConsume(t *testing.T) {
	s := serve(t, Options{})
	ch, err := dial(t, s).Channel()
	if err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclare("", false, false, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := ch.Consume(q.Name, "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.PublishWithContext(t.Context(), "", q.Name, true, false, amqp.Publishing{Body: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	d := <-in
	if string(d.Body) != "hello" {
		t.Fatalf("got %q", d.Body)
	}
	if err := d.Ack(false); err != nil {
		t.Fatal(err)
	}
}

func TestRunEnds(t *testing.T) {
	s, err := New(Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c := dial(t, s)
	closed := c.NotifyClose(make(chan *amqp.Error, 1))
	stop()
	if e := <-closed; e == nil || e.Code != amqp.ConnectionForced || e.Reason != "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" {
		t.Errorf("the client got %v", e)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("a server ran twice")
	}
	if _, err := amqp.Dial(s.URL()); err == nil {
		t.Error("a server that has ended takes connections")
	}
}

// TestRunEndsWithoutTheClient stops a server whose client does not answer.
func TestRunEndsWithoutTheClient(t *testing.T) {
	s := serve(t, Options{})
	dialRaw(t, s).open()
	dialRaw(t, s) // not even a handshake
}

func TestNewRefuses(t *testing.T) {
	taken := serve(t, Options{})
	for name, o := range map[string]Options{
		"an address in use":   {Addr: taken.Addr().String()},
		"an address unknown":  {Addr: "127.0.0.1:port"},
		"a negative limit":    {Addr: "127.0.0.1:0", MaxBytes: -1},
		"a heartbeat too low": {Addr: "127.0.0.1:0", Heartbeat: time.Millisecond},
	} {
		if s, err := New(o); err == nil {
			s.Close()
			t.Errorf("New took %s", name)
		}
	}
}

func TestCloseWithoutRun(t *testing.T) {
	s, err := New(Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run took a closed listener for a clean end")
	}
}

func TestCloseConnections(t *testing.T) {
	s := serve(t, Options{})
	c := dial(t, s)
	closed := c.NotifyClose(make(chan *amqp.Error, 1))
	s.CloseConnections()
	if e := <-closed; e == nil || e.Code != amqp.ConnectionForced {
		t.Errorf("the client got %v", e)
	}
	openChannel(t, dial(t, s))
}

func TestUsers(t *testing.T) {
	s := serve(t, Options{Users: map[string]string{"ann": "secret"}})
	c, err := amqp.Dial("amqp://ann:secret@" + s.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := amqp.Dial(s.URL()); err == nil {
		t.Error("guest was let in")
	}
}

func TestStats(t *testing.T) {
	s := serve(t, Options{})
	ch := openChannel(t, dial(t, s))
	q, err := ch.QueueDeclare("", false, false, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, q.Name).Wait()
	publish(t, ch, q.Name).Wait()
	in, err := ch.Consume(q.Name, "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	(<-in).Ack(false)
	<-in
	if _, err := ch.QueueDeclarePassive(q.Name, false, false, false, false, nil); err != nil { // the ack is done by then
		t.Fatal(err)
	}
	st := s.Stats()
	st.Bytes -= messageCost + 2
	if want := (Stats{Connections: 1, Channels: 1, Queues: 1, Consumers: 1, Messages: 1}); st != want {
		t.Errorf("got %+v, want %+v", st, want)
	}
}
