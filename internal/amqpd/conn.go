package amqpd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one client's connection. Its reader goroutine owns the fields without
// another word said.
type conn struct {
	s       *Server
	nc      net.Conn
	log     *slog.Logger
	in      frameReader
	out     output
	crowded bool // over the limit of connections
	name    string
	user    string

	frameMax   uint32
	channelMax uint16
	heartbeat  time.Duration
	caps       capabilities

	frames    int // received so far
	armed     time.Time
	channels  map[uint16]*channel
	closing   map[uint16]bool // channels that we closed and the client has not yet agreed to
	unconfirm []*channel      // channels with confirms to send
	exclusive map[*queue]bool
	sweepAt   int      // how many exclusive queues to have before looking for deleted ones
	targets   []*queue // reused by publish
	lingers   bool     // let the client close the socket first

	published    atomic.Bool
	channelCount atomic.Int32
	ended        atomic.Bool // a connection.close is on its way out
	over         chan struct{}
	endOnce      sync.Once

	live struct { // channels, for other goroutines
		sync.Mutex
		set map[*channel]bool
	}
	blocked struct {
		sync.Mutex
		told bool
	}
}

// capabilities are what the client says it can do.
type capabilities struct{ cancelNotify, blocked, authFailure bool }

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{
		s: s, nc: nc, log: s.log.With("peer", nc.RemoteAddr().String()),
		in:       frameReader{r: bufio.NewReaderSize(nc, 8192), max: frameMinSize},
		channels: map[uint16]*channel{}, closing: map[uint16]bool{}, exclusive: map[*queue]bool{},
		over: make(chan struct{}),
	}
	c.out.init()
	c.live.set = map[*channel]bool{}
	return c
}

// serve talks to the client until one side ends it.
func (c *conn) serve() {
	defer c.nc.Close()
	c.nc.SetDeadline(time.Now().Add(handshakeTimeout))
	if err := c.handshake(); err != nil {
		c.log.Warn("connection refused", "err", err)
		return
	}
	c.nc.SetDeadline(time.Time{})
	if c.ended.Load() { // the server stops, and set a deadline of its own just before
		c.nc.SetDeadline(time.Now().Add(closeTimeout))
	}
	c.log.Debug("connection opened", "name", c.name, "user", c.user)
	var writer sync.WaitGroup
	writer.Go(func() {
		if err := c.out.run(c.nc, c.heartbeat, c.kickConsumers); err != nil {
			c.log.Debug("writing failed", "err", err)
			c.abort()
		}
	})
	err := c.read()
	c.teardown()
	c.out.seal()
	c.nc.SetWriteDeadline(time.Now().Add(closeTimeout))
	writer.Wait()
	if c.lingers {
		c.linger()
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.log.Warn("connection ended", "name", c.name, "err", err)
		return
	}
	c.log.Debug("connection closed", "name", c.name)
}

// errClosed is a connection that ended in agreement.
var errClosed = errors.New("closed")

// read does what frames say. It returns nil after an orderly end.
func (c *conn) read() error {
	for {
		if c.in.idle() {
			c.flushConfirms()
			c.arm()
		}
		c.out.awaitRoom()
		if c.published.Load() && c.s.alarm.raised.Load() {
			c.flushConfirms()
			c.awaitUnblocked()
		}
		f, err := c.in.next()
		if err == nil {
			err = c.handle(f)
		}
		if errors.Is(err, errClosed) {
			return nil
		}
		ae, protocol := errors.AsType[*amqpError](err)
		switch {
		case err == nil:
		case c.ended.Load() && protocol && ae.code != FrameError:
			// Said goodbye already: what else the client gets wrong is no matter.
		case protocol && !c.ended.Load():
			c.log.Warn("connection error", "name", c.name, "err", ae)
			c.forceClose(ae)
			c.teardown()
			if ae.code == FrameError {
				c.lingers = true
				return nil // the stream has lost its frames; a close-ok cannot be found in it
			}
		case c.ended.Load():
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("missed heartbeats from client, timeout: %s", c.heartbeat)
		default:
			return err
		}
	}
}

// arm sets the moment by which the client must have sent something.
func (c *conn) arm() {
	if c.heartbeat == 0 {
		return
	}
	now := time.Now()
	if now.Sub(c.armed) < c.heartbeat/2 {
		return
	}
	c.armed = now
	c.nc.SetReadDeadline(now.Add(c.heartbeat * 5 / 2))
	if c.ended.Load() { // forceClose may have set its own just before
		c.nc.SetReadDeadline(now.Add(closeTimeout))
	}
}

// handle does what one frame says.
func (c *conn) handle(f frame) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("broker panicked", "panic", p, "stack", string(debug.Stack()))
			err = connError(InternalError, "the broker failed; its log says how")
		}
	}()
	c.frames++
	if c.ended.Load() {
		return c.handleEnded(f)
	}
	if c.s.faults != nil && c.s.faults.dropIn(c, f) {
		c.abort()
		return net.ErrClosed
	}
	switch f.kind {
	case frameHeartbeat:
		if f.channel != 0 || len(f.payload) != 0 {
			return connError(FrameError, "a heartbeat has a channel or a payload")
		}
		return nil
	case frameMethod:
		id, m, err := decodeMethod(f.payload)
		if err != nil && !c.closing[f.channel] {
			return err
		}
		if f.channel == 0 {
			return c.connectionMethod(id)
		}
		return c.channelMethod(f.channel, id, m)
	case frameHeader, frameBody:
		return c.content(f)
	}
	return connError(FrameError, "frame of unknown type %d", f.kind)
}

// handleEnded waits for the close-ok, and answers a close that crossed ours.
func (c *conn) handleEnded(f frame) error {
	if f.kind != frameMethod || f.channel != 0 || len(f.payload) < 4 {
		return nil
	}
	r := reader{b: f.payload}
	switch methodID(r.long()) {
	case idConnectionCloseOK, idConnectionClose:
		return errClosed
	}
	return nil
}

func (c *conn) connectionMethod(id methodID) error {
	switch id {
	case idConnectionClose:
		c.teardown() // so that exclusive queues are gone once the client hears back
		c.send(0, idConnectionCloseOK)
		c.lingers = true
		return errClosed
	case idConnectionCloseOK:
		return errClosed
	case idConnectionUpdateSecret:
		c.send(0, idConnectionUpdateSecretOK)
		return nil
	}
	e := connError(CommandInvalid, "%s is not for channel 0 of an open connection", id)
	e.method = id
	return e
}

// send writes a method without content.
func (c *conn) send(channel uint16, id methodID, args ...any) {
	if c.s.faults != nil && c.s.faults.dropOut(c, channel, id) {
		c.abort()
		return
	}
	b, ok := c.out.lock()
	if ok {
		var at int
		b, at = openMethod(b, channel, id)
		b = closeFrame(appendArgs(b, args), at)
	}
	c.out.unlock(b)
}
