package chaos

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// echo answers each piece with itself, until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

func newProxy(t *testing.T) *Proxy {
	t.Helper()
	p, err := NewProxy()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// turned tells whether a new connection is turned away.
func turned(t *testing.T, p *Proxy) bool {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return true // it was reset at once
	}
	defer c.Close()
	_, err = say(c, "a", ample)
	return err != nil && !timedOut(err)
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// say sends a word and reads the answer within a time.
func say(c net.Conn, word string, within time.Duration) (string, error) {
	if word != "" {
		if _, err := c.Write([]byte(word)); err != nil {
			return "", err
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	b := make([]byte, 100)
	n, err := c.Read(b)
	return string(b[:n]), err
}

const ample = 10 * time.Second

func timedOut(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

func TestProxy(t *testing.T) {
	p := newProxy(t)
	if !turned(t, p) {
		t.Error("a proxy that leads nowhere lets connections in")
	}
	p.Lead(echo(t))
	c := dial(t, p)
	if got, err := say(c, "a", ample); got != "a" || err != nil {
		t.Fatalf("through the proxy: %q, %v", got, err)
	}

	p.Delay(100 * time.Millisecond)
	began := time.Now()
	if got, err := say(c, "b", ample); got != "b" || err != nil || time.Since(began) < 200*time.Millisecond {
		t.Errorf("through a slow proxy: %q, %v, %s", got, err, time.Since(began))
	}
	p.Delay(0)

	p.Hold()
	if got, err := say(c, "c", 100*time.Millisecond); !timedOut(err) {
		t.Errorf("through a silent proxy: %q, %v", got, err)
	}
	fresh := dial(t, p) // is let in by the kernel, and hears nothing
	if got, err := say(fresh, "d", 100*time.Millisecond); !timedOut(err) {
		t.Errorf("a new connection through a silent proxy: %q, %v", got, err)
	}
	p.Heal()
	for word, c := range map[string]net.Conn{"c": c, "d": fresh} {
		if got, err := say(c, "", ample); got != word || err != nil {
			t.Errorf("after the silence: %q, %v, want %q", got, err, word)
		}
	}

	p.Reset()
	if _, err := say(c, "", ample); err == nil || timedOut(err) {
		t.Errorf("after a reset: %v", err)
	}
	p.Cut()
	if !turned(t, p) {
		t.Error("a cut proxy lets connections in")
	}
	p.Heal()
	p.Tamper(func(b []byte) []byte { return []byte(strings.ToUpper(string(b))) })
	if got, err := say(dial(t, p), "f", ample); got != "F" || err != nil {
		t.Errorf("through a proxy that tampers: %q, %v", got, err)
	}
	if p.Passed() == 0 {
		t.Error("nothing has passed")
	}
}
