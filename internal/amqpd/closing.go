package amqpd

import (
	"io"
	"time"
)

// forceClose begins the end of the connection from our side; the reader ends it
// when the client agrees, or after a moment.
func (c *conn) forceClose(e *amqpError) {
	c.endOnce.Do(func() {
		c.send(0, idConnectionClose, uint16(e.code), e.Error(), uint32(e.method))
		c.ended.Store(true)
		close(c.over)
		c.out.seal()
		c.nc.SetDeadline(time.Now().Add(closeTimeout))
	})
}

// abort cuts the connection without a word.
func (c *conn) abort() {
	c.endOnce.Do(func() {
		c.ended.Store(true)
		close(c.over)
		c.out.seal()
	})
	c.nc.Close()
}

// teardown gives back all that the connection holds. It may be called again.
func (c *conn) teardown() {
	for _, ch := range c.channels {
		ch.shut()
	}
	clear(c.channels)
	for q := range c.exclusive {
		c.s.broker.deleteQueue(q, func() bool { return true })
	}
	clear(c.exclusive)
}

// linger lets the client close the socket first: some, seeing ours close the
// moment they have read close-ok, report that as an error, and with bytes unread
// on our side our last words could be lost on the way.
func (c *conn) linger() {
	c.nc.SetReadDeadline(time.Now().Add(closeTimeout))
	io.Copy(io.Discard, c.nc)
}
