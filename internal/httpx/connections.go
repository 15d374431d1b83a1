package httpx

import (
	"net"
	"sync"
	"syscall"
)

// maxConnections bounds a server's open connections: more than the downlinks that
// a gateway holds.
const maxConnections = 20_000

// usualShare is how much of the files that a process may have open are a server's
// connections at most.
const usualShare = 0.5

// connectionBound is the bound for this process: a share of the files that it may
// have open, if that is less, so that strangers who connect leave it the files
// that it needs for its work.
func connectionBound(share float64) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return maxConnections
	}
	return int(max(1, min(maxConnections, share*float64(files.Cur))))
}

// limited accepts a connection when fewer than its bound are open; those beyond
// wait in the kernel, whose own queue is bounded.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(l net.Listener, most int) *limited {
	return &limited{Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept waits for a connection, and for a place for it.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &placed{TCPConn: conn.(*net.TCPConn), free: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close ends Accept, also where it waits for a place.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// placed gives its place back when it is closed. Being a TCP connection, it still
// has the kernel copy files.
type placed struct {
	*net.TCPConn
	free func()
}

// Close closes the connection.
func (c *placed) Close() error {
	defer c.free()
	return c.TCPConn.Close()
}
