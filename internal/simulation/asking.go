package simulation

import (
	"context"
	"strconv"
	"time"
)

// callTimeout is how long a manager waits for the cloud's answer.
const callTimeout = 10 * time.Second

// delay is how long a message takes one way.
func (w *world) delay() time.Duration {
	if w.chance(0.002) {
		return w.between(100*time.Millisecond, 4*time.Second)
	}
	return w.between(2*time.Millisecond, 60*time.Millisecond)
}

// gone tells that a message between a client and the cloud does not arrive.
func (w *world) gone(c *client) bool { return c.cut > 0 || w.chance(w.opt.Faults.Lost) }

// poll asks the cloud for tasks.
func (w *world) poll(c *client) {
	c.call++
	c.waiting, c.asked, c.halts = c.call, w.now, [maxTasks]int32{}
	w.truth.polls++
	e := event{kind: evRequest, who: c.id, life: c.life, arg: c.call}
	if w.gone(c) {
		w.silence(c, e.arg)
		return
	}
	w.push(w.delay(), e)
	if w.chance(w.opt.Faults.Doubled) {
		w.push(w.delay(), e)
	}
}

// silence ends a call at its timeout.
func (w *world) silence(c *client, call int64) {
	w.push(max(0, c.asked+callTimeout-w.now), event{kind: evSilence, who: c.id, life: c.life, arg: call})
}

func (w *world) asking(c *client, e *event) {
	if e.arg != c.waiting {
		return // the second answer to a call, or one that comes too late
	}
	switch e.kind {
	case evRequest:
		w.respond(c, e)
	case evAnswer:
		if c.cut > 0 {
			w.silence(c, e.arg)
			return
		}
		c.waiting, c.heard = 0, 0
		for i := range c.answer {
			n := w.cloud.index(c.answer[i].ID)
			server, err := strconv.Atoi(c.answer[i].Execution)
			if err != nil {
				panic(err) // it is ours
			}
			if c.heardOf[n] = int32(server); int32(server) > c.halts[n] {
				c.heard |= 1 << n
			}
		}
		c.heardAt = w.now
		w.trace.note('o', int64(c.heard))
		w.do(c, c.control.Offered(w.clock(), c.answer))
	case evSilence:
		c.waiting = 0
		w.do(c, c.control.Unreachable(w.clock()))
	}
}

// respond is the cloud's part.
func (w *world) respond(c *client, e *event) {
	if !w.cloud.up { // the client's gateway is told so, or hears nothing
		c.asked = min(c.asked, w.now-callTimeout+w.delay())
		w.silence(c, e.arg)
		return
	}
	offers, err := w.cloud.offers.Select(context.Background(), c.attrs)
	if err != nil {
		panic(err) // it has no deadline
	}
	c.answer = offers
	answer := event{kind: evAnswer, who: c.id, life: c.life, arg: e.arg}
	switch {
	case w.gone(c):
		w.silence(c, e.arg)
	case w.chance(0.0005): // an answer that nobody waits for any more
		w.silence(c, e.arg)
		w.push(callTimeout+w.delay(), answer)
	default:
		w.push(w.delay(), answer)
	}
}
