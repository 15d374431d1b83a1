package amqpd

import (
	"sync"
	"sync/atomic"
	"time"
)

// Frame is one frame on its way through the broker, for DropWhen.
type Frame struct {
	// Connection is the client's connection_name, "" until it has said it.
	Connection string
	// Channel is the channel's number, 0 for the connection itself.
	Channel uint16
	// Method is the method's name as in "basic.publish"; "header", "body" and
	// "heartbeat" for the other frames.
	Method string
	// Number counts the frames received on this connection, from 1; 0 on the way out.
	Number int
	// Out is set for methods that the broker is about to send. Frames with Out
	// unset have been received and not yet acted upon.
	Out bool
}

// Publish names where a message is published to.
type Publish struct{ Exchange, Key string }

// Faults makes a server fail on purpose, for tests. Set rules at any time, from
// any goroutine; each replaces the one before it, and its zero value removes it.
// The zero Faults does no harm, and a nil one costs nothing.
type Faults struct {
	mu    sync.Mutex // serialises changes
	rules atomic.Pointer[faultRules]
	alarm *alarm
}

type faultRules struct {
	drop          func(Frame) bool
	nack, back    func(Publish) bool
	refuseConsume func(queue string) bool
	confirmDelay  time.Duration
	deliveryDelay time.Duration
}

func (f *Faults) set(change func(*faultRules)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := faultRules{}
	if old := f.rules.Load(); old != nil {
		r = *old
	}
	change(&r)
	f.rules.Store(&r)
}

// DropWhen cuts a connection, without a word, at the first frame for which pick
// returns true: a received frame is then not acted upon, one going out not sent.
// pick is called by many goroutines, and must not call the server.
func (f *Faults) DropWhen(pick func(Frame) bool) { f.set(func(r *faultRules) { r.drop = pick }) }

// DropAfter cuts each connection once n frames from it have been acted upon,
// those of the handshake included; 0 for never.
func (f *Faults) DropAfter(n int) {
	if n <= 0 {
		f.DropWhen(nil)
		return
	}
	f.DropWhen(func(fr Frame) bool { return fr.Number > n })
}

// DelayConfirms holds every publisher confirm back for d.
func (f *Faults) DelayConfirms(d time.Duration) { f.set(func(r *faultRules) { r.confirmDelay = d }) }

// NackPublishes has the broker lose the messages that pick chooses, and confirm
// them with basic.nack where confirms are on.
func (f *Faults) NackPublishes(pick func(Publish) bool) { f.set(func(r *faultRules) { r.nack = pick }) }

// ReturnPublishes has the messages that pick chooses reach no queue, so that
// mandatory ones come back (312) and others are lost.
func (f *Faults) ReturnPublishes(pick func(Publish) bool) {
	f.set(func(r *faultRules) { r.back = pick })
}

// RefuseConsume answers basic.consume on the queues that pick chooses with 403.
func (f *Faults) RefuseConsume(pick func(queue string) bool) {
	f.set(func(r *faultRules) { r.refuseConsume = pick })
}

// DelayDeliveries holds each message that is published from now on back for d
// before a consumer gets it.
func (f *Faults) DelayDeliveries(d time.Duration) { f.set(func(r *faultRules) { r.deliveryDelay = d }) }

// Block sends connection.blocked with this reason to clients that publish, and
// stops reading from them, until Unblock. It does nothing before New.
func (f *Faults) Block(reason string) {
	if f.alarm != nil {
		f.alarm.force(reason)
	}
}

// Unblock ends Block.
func (f *Faults) Unblock() { f.Block("") }

func (f *Faults) attach(a *alarm) {
	if f != nil {
		f.alarm = a
	}
}

// publish gives what is to happen to one publish. f may be nil.
func (f *Faults) publish(p basicPublish) (nack, back bool, hold, confirmDelay time.Duration) {
	if f == nil {
		return
	}
	r := f.rules.Load()
	if r == nil {
		return
	}
	at := Publish{p.exchange, p.key}
	return r.nack != nil && r.nack(at), r.back != nil && r.back(at), r.deliveryDelay, r.confirmDelay
}

func (f *Faults) refusesConsume(queue string) bool {
	r := f.rules.Load()
	return r != nil && r.refuseConsume != nil && r.refuseConsume(queue)
}

func (f *Faults) dropIn(c *conn, fr frame) bool {
	r := f.rules.Load()
	if r == nil || r.drop == nil {
		return false
	}
	return r.drop(Frame{Connection: c.name, Channel: fr.channel, Method: frameName(fr), Number: c.frames})
}

func (f *Faults) dropOut(c *conn, channel uint16, id methodID) bool {
	r := f.rules.Load()
	return r != nil && r.drop != nil && r.drop(Frame{Connection: c.name, Channel: channel, Method: id.String(), Out: true})
}

func frameName(f frame) string {
	switch f.kind {
	case frameMethod:
		r := reader{b: f.payload}
		return methodID(r.long()).String()
	case frameHeader:
		return "header"
	case frameBody:
		return "body"
	}
	return "heartbeat"
}
