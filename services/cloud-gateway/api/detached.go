package api

import (
	"net"
	"sync"
	"time"
)

// lastWord is how long a reader may take for the last thing that a stream says when
// the gateway stops.
const lastWord = time.Second

// detached are the connections of streams that left the HTTP server.
type detached struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	ended bool // the gateway stops
}

// hold runs what a connection is for, and closes it then. left is called when its
// reader leaves.
func (d *detached) hold(conn net.Conn, left func(), run func()) {
	d.mu.Lock()
	if d.conns == nil {
		d.conns = map[net.Conn]bool{}
	}
	d.conns[conn] = true
	d.bound(conn)
	d.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer left()
		_, _ = conn.Read(make([]byte, 1)) // a reader of a stream says nothing: whatever comes is its end
	}()
	run()
	_ = conn.Close() // it has said what it could
	<-gone
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, conn)
}

// bound bounds the last word of a connection, once there is to be one. mu is held.
func (d *detached) bound(conn net.Conn) {
	if d.ended {
		_ = conn.SetDeadline(time.Now().Add(lastWord)) // one that is closed needs none
	}
}

// hurry bounds the last words of all.
func (d *detached) hurry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for conn := range d.conns {
		d.bound(conn)
	}
}
