package amqpd

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// pipes is a listener in memory, for time that tests control.
type pipes struct {
	conns chan net.Conn
	over  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.over); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// inBubble runs a test whose clock stands still while anyone has work to do.
func inBubble(t *testing.T, test func(t *testing.T, p *pipes, s *Server)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), over: make(chan struct{})}
		s, err := New(Options{Listener: p})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		test(t, p, s)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (p *pipes) client(t *testing.T, heartbeat time.Duration) *amqp.Connection {
	t.Helper()
	c, err := amqp.Open(p.dial(), amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{Username: "guest", Password: "guest"}},
		Vhost: "/", Heartbeat: heartbeat})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHeartbeatsKeepAnIdleConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, s *Server) {
		c := p.client(t, 10*time.Second)
		defer c.Close()
		time.Sleep(time.Hour)
		openChannel(t, c)
	})
}

func TestSilentClientIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, s *Server) {
		nc := p.dial()
		go nc.Write(opening(10)) // what goes wrong shows as an end before its time
		began := time.Now()
		beats := 0
		for buf := make([]byte, 4096); ; {
			n, err := nc.Read(buf)
			if err != nil {
				break
			}
			if n == 8 && buf[0] == frameHeartbeat {
				beats++
			}
		}
		nc.Close()
		if took := time.Since(began); took < 20*time.Second || took > 30*time.Second || beats < 3 {
			t.Errorf("dropped after %s and %d heartbeats, want 20s to 30s and one every 5s to 10s", took, beats)
		}
		synctest.Wait()
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections left", n)
		}
	})
}

func TestSilentHandshakeIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, s *Server) {
		nc := p.dial()
		defer nc.Close()
		time.Sleep(handshakeTimeout + time.Second)
		synctest.Wait()
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections left", n)
		}
	})
}

// TestExpiryIsExact checks moments to the millisecond, which real time cannot.
func TestExpiryIsExact(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, s *Server) {
		c := p.client(t, 600*time.Second)
		defer c.Close()
		ch := openChannel(t, c)
		if err := ch.Confirm(false); err != nil {
			t.Fatal(err)
		}
		declare := func(name string, args amqp.Table) {
			t.Helper()
			if _, err := ch.QueueDeclare(name, false, false, false, false, args); err != nil {
				t.Fatal(err)
			}
		}
		send := func(key, expiration string) {
			t.Helper()
			c, err := ch.PublishWithDeferredConfirm("", key, false, false, amqp.Publishing{Expiration: expiration})
			if err != nil {
				t.Fatal(err)
			}
			c.Wait()
		}
		holds := func(queues int, messages int64) {
			t.Helper()
			synctest.Wait()
			if st := s.Stats(); st.Queues != queues || st.Messages != messages {
				t.Errorf("%d queues, %d messages; want %d, %d", st.Queues, st.Messages, queues, messages)
			}
		}
		declare("ttl", amqp.Table{"x-message-ttl": int32(1000)})
		declare("plain", nil)
		declare("idle", amqp.Table{"x-expires": int32(10_000)})
		send("ttl", "")
		send("ttl", "2000") // the lesser of the two holds
		send("plain", "3000")
		send("plain", "1500") // behind the head: goes with it
		send("plain", "5000")
		holds(3, 5)
		time.Sleep(999 * time.Millisecond)
		holds(3, 5)
		time.Sleep(2 * time.Millisecond)
		holds(3, 3)
		time.Sleep(1998 * time.Millisecond)
		holds(3, 3)
		time.Sleep(2 * time.Millisecond)
		holds(3, 1)
		time.Sleep(2 * time.Second)
		holds(3, 0)
		declare("idle", amqp.Table{"x-expires": int32(10_000)}) // declaring is using
		time.Sleep(9999 * time.Millisecond)
		holds(3, 0)
		time.Sleep(2 * time.Millisecond)
		holds(2, 0)
	})
}
