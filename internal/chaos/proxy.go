package chaos

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Proxy stands between two components and is the network between them: it can be
// slow, cut, silent, or reset what is open.
type Proxy struct {
	listener net.Listener
	work     sync.WaitGroup

	mu     sync.Mutex
	target string
	cut    bool          // what is open breaks, and what comes is turned away
	delay  time.Duration // of each piece that passes, each way
	held   chan struct{} // closed when pieces may pass again; nil: they may
	conns  map[*net.TCPConn]bool
	seen   int64 // bytes that passed, both ways
	tamper func([]byte) []byte
	closed chan struct{}
}

// NewProxy listens on a free port of 127.0.0.1; it must be closed. Until
// [Proxy.Lead] it turns connections away.
func NewProxy() (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, conns: map[*net.TCPConn]bool{}, closed: make(chan struct{})}
	p.work.Go(p.serve)
	return p, nil
}

// Port is where it listens, on 127.0.0.1.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Addr is the host:port where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Lead sends new connections to an address.
func (p *Proxy) Lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Delay lets every piece wait that passes, each way; 0 ends that.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Tamper changes what comes back from the target, piece by piece; nil ends that.
func (p *Proxy) Tamper(change func([]byte) []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tamper = change
}

// Cut breaks what is open and turns new connections away, until [Proxy.Heal].
func (p *Proxy) Cut() {
	p.mu.Lock()
	p.cut = true
	p.mu.Unlock()
	p.Reset()
}

// Hold lets nothing pass and says nothing, as a half-open connection: until
// [Proxy.Heal], when all of it passes.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

// Heal ends a cut, a hold and a delay.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.delay = false, 0
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// Reset breaks what is open, by a reset of both ends. What comes next is let in.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c)
	}
}

// Passed is how many bytes have passed so far, both ways.
func (p *Proxy) Passed() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// Close breaks what is open and waits until nothing of the proxy runs.
func (p *Proxy) Close() {
	close(p.closed)
	_ = p.listener.Close() // it was open until now
	p.Heal()
	p.Reset()
	p.work.Wait()
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // one that is closed already needs no reset
	_ = c.Close()
}

func (p *Proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // such as one that was reset before it was accepted
		}
		p.work.Go(func() { p.pass(conn.(*net.TCPConn)) })
	}
}

// pass connects one connection to the target, until an end of either.
func (p *Proxy) pass(client *net.TCPConn) {
	p.mu.Lock()
	target, cut := p.target, p.cut || p.target == ""
	p.mu.Unlock()
	if cut || !p.wait() { // a half-open network answers no one
		reset(client)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	cancel()
	if err != nil {
		reset(client)
		return
	}
	server := conn.(*net.TCPConn)
	if !p.keep(client, server) {
		return
	}
	var both sync.WaitGroup
	for _, way := range []struct {
		to, from *net.TCPConn
		back     bool
	}{{server, client, false}, {client, server, true}} {
		both.Go(func() {
			p.copy(way.to, way.from, way.back)
			_ = client.Close() // the end of one way is that of both: no peer here half-closes
			_ = server.Close()
		})
	}
	both.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

// keep notes a pair, unless the network was cut meanwhile.
func (p *Proxy) keep(client, server *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
	default:
		if !p.cut {
			p.conns[client], p.conns[server] = true, true
			return true
		}
	}
	reset(client)
	reset(server)
	return false
}

func (p *Proxy) copy(to, from *net.TCPConn, back bool) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			piece := b[:n]
			if !p.wait() {
				return
			}
			p.mu.Lock()
			p.seen += int64(n)
			if back && p.tamper != nil {
				piece = p.tamper(piece)
			}
			p.mu.Unlock()
			if _, err := to.Write(piece); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wait waits as long as the network is slow or silent; false: the proxy ends.
func (p *Proxy) wait() bool {
	p.mu.Lock()
	delay, held := p.delay, p.held
	p.mu.Unlock()
	if delay > 0 {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-p.closed:
			return false
		}
	}
	if held != nil {
		select {
		case <-held:
		case <-p.closed:
			return false
		}
	}
	return true
}
