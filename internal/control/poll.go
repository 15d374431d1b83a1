package control

import (
	"slices"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// Next is when Tick is to be called. False: there is nothing to wait for but the
// answer to a poll.
func (c *Client) Next() (time.Time, bool) {
	if c.polling {
		return c.hold, !c.hold.IsZero()
	}
	at := c.due
	for _, t := range [...]time.Time{c.retry, c.wake} {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at, true
}

// Tick tells that it is time.
func (c *Client) Tick(now time.Time) []Action {
	c.actions = c.actions[:0]
	at, waiting := c.Next()
	switch {
	case !waiting || now.Before(at):
	case c.polling: // the cloud is silent: the last answer stands
		c.hold = time.Time{}
		c.choose(now)
	case !c.wake.IsZero() && !now.Before(c.wake):
		c.woken = now
		c.poll(now, true)
	case c.away && now.Before(c.due):
		c.choose(now) // a restart is due, and the cloud would not answer
	default:
		c.poll(now, false)
	}
	return c.actions
}

func (c *Client) poll(now time.Time, prompted bool) {
	c.hold = now.Add(fresh)
	if c.polling {
		c.repeat = true
		return
	}
	c.polling, c.repeat, c.wake = true, false, time.Time{}
	c.actions = append(c.actions, Action{Kind: Poll, Prompted: prompted})
}

// Offered is the answer to a poll: the tasks that the client may run, in the order
// in which they are to be tried. The list is not changed by either side.
func (c *Client) Offered(now time.Time, offers []contract.OfferedTask) []Action {
	c.actions = c.actions[:0]
	if c.repeat { // it may be from before what somebody has stopped
		offers = slices.DeleteFunc(slices.Clone(offers), func(o contract.OfferedTask) bool {
			t := c.tasks[o.ID]
			return t != nil && t.halted
		})
	}
	c.changed = c.changed || c.heard.IsZero() || !sameOffers(c.offered, offers)
	c.offered, c.heard, c.restored, c.away = offers, now, false, false
	c.reconcile()
	return c.answered(now)
}

// Unreachable tells that a poll had no answer. The last one stands.
func (c *Client) Unreachable(now time.Time) []Action {
	c.actions = c.actions[:0]
	c.away = true
	return c.answered(now)
}

// Refused tells that the cloud is there and gives this client no answer. What runs
// runs on, but nothing is started by an answer that it gave to an earlier client.
func (c *Client) Refused(now time.Time) []Action {
	c.actions = c.actions[:0]
	c.away = false
	return c.answered(now)
}

// answered ends a poll.
func (c *Client) answered(now time.Time) []Action {
	c.polling = false
	switch {
	case c.repeat:
		c.poll(now, true)
		return c.actions
	case !c.wake.IsZero() && !now.Before(c.wake):
		c.woken = now
		c.poll(now, true)
		return c.actions
	}
	wait := c.opt.Interval
	if c.away { // not all clients find out together that it is back
		wait += time.Duration((c.opt.Random() - 0.5) * float64(wait))
	}
	c.due = now.Add(wait)
	c.stretch(now)
	c.choose(now)
	return c.actions
}

// reconcile stops what the cloud offers no more and forgets what waits for its
// disappearance.
func (c *Client) reconcile() {
	c.answers++
	for i := range c.offered {
		if t := c.tasks[c.offered[i].ID]; t != nil {
			t.offered, t.absent, t.noFiles, t.halted = c.answers, 0, false, false
		}
	}
	var gone []string
	for id, t := range c.tasks {
		if t.offered != c.answers {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone) // for the order of the actions
	for _, id := range gone {
		t := c.tasks[id]
		c.changed = c.changed || !t.settled.IsZero()
		t.settled, t.checked, t.retryAt, t.restarts = time.Time{}, time.Time{}, time.Time{}, nil
		switch {
		case t.running:
			if t.absent++; t.absent >= absentPolls {
				c.stop(id, t)
			}
		case !t.starting:
			c.want(t, false)
			delete(c.tasks, id)
		}
	}
}

func (c *Client) stop(id string, t *task) {
	if !t.stopping {
		t.stopping = true
		c.actions = append(c.actions, Action{Kind: Stop, TaskID: id, Execution: t.execution, Halted: t.halted})
	}
}
