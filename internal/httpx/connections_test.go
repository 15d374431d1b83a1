package httpx

import (
	"errors"
	"net"
	"testing"
	"time"
)

func TestConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, 2)
	accepted, ended := make(chan net.Conn), make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for range 2 {
		conns = append(conns, <-accepted)
	}
	select {
	case <-accepted:
		t.Fatal("a third connection is accepted")
	case <-time.After(50 * time.Millisecond):
	}
	for range 2 { // its place is given back once
		_ = conns[0].Close()
	}
	defer conns[1].Close()
	third := <-accepted
	defer third.Close()
	if len(l.slots) > 2 {
		t.Errorf("%d places are taken", len(l.slots))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if n, all := connectionBound(usualShare), connectionBound(1); n < 1 || n > all || all > maxConnections {
		t.Errorf("the bound is %d of %d", n, all)
	}
}
