package amqpd

import (
	"net"
	"sync"
	"time"
)

const (
	// outputHigh is how much may wait to be written before consumers get no more.
	outputHigh = 1 << 20
	// outputFull is when the connection is not read from either, so that its own
	// requests cannot make its answers pile up.
	outputFull = 4 << 20
	// outputKeep is the largest buffer kept between writes.
	outputKeep   = 64 << 10
	writeTimeout = 30 * time.Second
)

// output gathers what goes to one client. Anyone may append; one goroutine
// writes, and what gathers while it does goes out in its next write.
type output struct {
	wake chan struct{}

	mu     sync.Mutex
	room   sync.Cond
	buf    []byte
	sealed bool // takes no more
	missed bool // a delivery was turned away for want of room
}

func (o *output) init() {
	o.wake = make(chan struct{}, 1)
	o.room.L = &o.mu
}

// lock gives the buffer to append to; unlock takes it back. ok is false once
// the output is sealed.
func (o *output) lock() (b []byte, ok bool) {
	o.mu.Lock()
	return o.buf, !o.sealed
}

func (o *output) unlock(b []byte) {
	o.buf = b
	o.mu.Unlock()
	o.signal()
}

func (o *output) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// seal lets nothing more in; what is there is still written.
func (o *output) seal() {
	o.mu.Lock()
	o.sealed = true
	o.room.Broadcast()
	o.mu.Unlock()
	o.signal()
}

// awaitRoom waits while the buffer is full.
func (o *output) awaitRoom() {
	o.mu.Lock()
	for len(o.buf) > outputFull && !o.sealed {
		o.room.Wait()
	}
	o.mu.Unlock()
}

// swap takes what has gathered and leaves spare in its place.
func (o *output) swap(spare []byte) (full []byte, sealed, missed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	full, o.buf = o.buf, spare[:0]
	missed, o.missed = o.missed, false
	o.room.Broadcast()
	return full, o.sealed, missed
}

// run writes until the output is sealed and empty, or a write fails. It sends a
// heartbeat when it has written nothing for half the interval, 0 for never, and
// calls drained when consumers that were turned away may try again.
func (o *output) run(nc net.Conn, heartbeat time.Duration, drained func()) error {
	var beat <-chan time.Time
	if heartbeat > 0 {
		t := time.NewTicker(heartbeat / 2)
		defer t.Stop()
		beat = t.C
	}
	var spare []byte
	var armed time.Time
	quiet := true
	for {
		full, sealed, missed := o.swap(spare)
		spare = full
		if len(full) == 0 {
			if sealed {
				return nil
			}
			select {
			case <-o.wake:
				continue
			case <-beat:
				if !quiet {
					quiet = true
					continue
				}
				full = []byte{frameHeartbeat, 0, 0, 0, 0, 0, 0, frameEnd}
			}
		}
		if now := time.Now(); now.Sub(armed) > writeTimeout/2 { // not before every write: it is not free
			armed = now
			nc.SetWriteDeadline(now.Add(writeTimeout))
		}
		if _, err := nc.Write(full); err != nil {
			return err
		}
		quiet = len(spare) == 0 // a heartbeat alone: the next tick sends another
		if cap(spare) > outputKeep {
			spare = nil
		}
		if missed {
			drained()
		}
	}
}

// flush writes what has gathered; only before run has started.
func (o *output) flush(w net.Conn) {
	full, _, _ := o.swap(nil)
	if len(full) > 0 {
		w.Write(full) // a client that is gone shows at the next read
	}
}
