package e2e

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy stands before a TCP server and cuts its connections off.
type proxy struct {
	net.Listener

	mu       sync.Mutex
	target   string
	cutAfter int64 // bytes of answers until the next cut; 0: never
	cuts     int
	requests []string // what clients sent
	began    int      // connections so far
	hushed   int      // how many of them are silent
	hushAt   int64    // bytes of answers until all that there are fall silent; 0: never
}

// newProxy serves until the test ends.
func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l}
	p.lead(target)
	run(t, "a proxy", p.run)
	return p
}

func (p *proxy) url() string { return "http://" + p.Addr().String() }

// lead sends new connections to a server.
func (p *proxy) lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = strings.TrimPrefix(target, "http://")
}

// cut makes the proxy cut the connection that carries the nth byte from now.
func (p *proxy) cut(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAfter = n
}

// hush makes the connections that there are silent: they stay open, and nothing
// goes through any more, as when a machine or a line between is gone. New ones work.
func (p *proxy) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hushed = p.began
}

// hushAfter is hush at the nth byte of answers from now.
func (p *proxy) hushAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hushAt = n
}

// silenced passes on what is written until the proxy's connection n is hushed.
type silenced struct {
	net.Conn
	p *proxy
	n int
}

// Write implements io.Writer.
func (s silenced) Write(b []byte) (int, error) {
	s.p.mu.Lock()
	silent := s.n <= s.p.hushed
	s.p.mu.Unlock()
	if silent {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

// seen are the requests so far, and how many connections were cut.
func (p *proxy) seen() (requests string, cuts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.requests, ""), p.cuts
}

func (p *proxy) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer context.AfterFunc(ctx, func() { p.Close() })()
	for {
		client, err := p.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		wg.Go(func() { p.serve(ctx, client) })
	}
}

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	target := p.target
	p.began++
	n := p.began
	p.mu.Unlock()
	server, err := net.DialTimeout("tcp", target, time.Second)
	if err != nil {
		return // what a server that is away looks like
	}
	end := func() { client.Close(); server.Close() }
	defer end()
	defer context.AfterFunc(ctx, end)()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer end()
		p.copy(silenced{server, p, n}, client, func(b []byte) bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.requests = append(p.requests, string(b))
			return true
		})
	})
	p.copy(silenced{client, p, n}, server, func(b []byte) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.hushAt > 0 {
			if p.hushAt -= int64(len(b)); p.hushAt <= 0 {
				p.hushAt, p.hushed = 0, p.began
			}
		}
		if p.cutAfter == 0 {
			return true
		}
		if p.cutAfter -= int64(len(b)); p.cutAfter > 0 {
			return true
		}
		p.cutAfter = 0
		p.cuts++
		return false
	})
	end()
	wg.Wait()
}

// copy copies until an end, or until pass says so.
func (p *proxy) copy(to io.Writer, from io.Reader, pass func([]byte) bool) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && !pass(b[:n]) {
			return
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
