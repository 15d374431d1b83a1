package amqpx

import (
	"net"
	"sync"
	"time"
)

const (
	// gatherMost is how much may wait to be written before writers wait as well.
	gatherMost = 256 << 10
	// gatherKeep is the largest buffer that is kept between writes.
	gatherKeep = 64 << 10
	// lastWrites bounds what is still written at the end.
	lastWrites = time.Second
)

// gathering is a connection that writes behind its callers: each write goes to a
// buffer, and a goroutine that lives as long as there is something in it passes on
// all that has gathered at once. An answer and its acknowledgement, and the calls of
// many callers, so take one system call and wake the broker once; by the library
// each would be a write of its own, which is most of what a call costs.
//
// A write that fails ends the connection, which its reader notices. Every write has
// a deadline, so that a peer that stopped reading cannot hold a caller for longer.
type gathering struct {
	net.Conn
	writer sync.WaitGroup

	mu      sync.Mutex
	room    sync.Cond // for who waits for the buffer
	buf     []byte    // what gathers
	spare   []byte    // its place while it is written
	writing bool      // a goroutine writes
	err     error     // of the write that failed, or that it is closed
	armed   time.Time // when the deadline was set last; by the goroutine alone
}

func newGathering(c net.Conn) *gathering {
	g := &gathering{Conn: c}
	g.room.L = &g.mu
	return g
}

// Write implements net.Conn; an error is that of an earlier write.
func (g *gathering) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.buf) >= gatherMost && g.err == nil {
		g.room.Wait()
	}
	if g.err != nil {
		return 0, g.err
	}
	g.buf = append(g.buf, b...)
	if !g.writing {
		g.writing = true
		g.writer.Go(g.pass)
	}
	return len(b), nil
}

// pass writes until nothing is left.
func (g *gathering) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.buf) > 0 {
		full := g.buf
		g.buf, g.spare = g.spare, nil
		g.room.Broadcast()
		g.mu.Unlock()
		err := g.write(full)
		g.mu.Lock()
		if cap(full) <= gatherKeep {
			g.spare = full[:0]
		}
		if err != nil {
			g.buf = nil
			if g.err == nil {
				g.err = err
			}
			g.room.Broadcast()
			_ = g.Conn.Close() // the reader tells of it
		}
	}
	g.writing = false
}

// write sets the deadline only now and then: that is not free.
func (g *gathering) write(b []byte) error {
	if now := time.Now(); now.Sub(g.armed) > writeTimeout/2 {
		g.armed = now
		if err := g.SetWriteDeadline(now.Add(writeTimeout)); err != nil {
			return err
		}
	}
	_, err := g.Conn.Write(b)
	return err
}

// Close lets go out what has gathered, for a moment, and closes.
func (g *gathering) Close() error {
	g.mu.Lock()
	if g.err == nil {
		g.err = net.ErrClosed
	}
	g.room.Broadcast()
	g.mu.Unlock()
	_ = g.SetWriteDeadline(time.Now().Add(lastWrites)) // it may be closed already
	g.writer.Wait()
	return g.Conn.Close()
}
