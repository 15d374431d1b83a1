package control

import (
	"slices"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// Next is when Tick is to be called. False: there is nothing to wait for but the
// answer to a poll.
func (c *Client) Next() (time.Time, bool) {
	at, ok := c.due, !c.polling
	for _, t := range [...]time.Time{c.hold, c.retry, c.wake} {
		if !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// Tick tells that it is time.
func (c *Client) Tick(now time.Time) []Action {
	c.actions = c.actions[:0]
	at, waiting := c.Next()
	switch {
	case !waiting || now.Before(at):
	case !c.hold.IsZero() && !now.Before(c.hold):
		c.release() // the last answer has to do
		c.choose(now)
	case c.polling:
		c.choose(now) // a restart is due
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

// poll begins one. Its answer will be of all that has happened so far.
func (c *Client) poll(now time.Time, prompted bool) {
	c.polling, c.repeat, c.news, c.halts, c.wake, c.began = true, false, false, nil, time.Time{}, now
	if c.hold.IsZero() {
		c.hold = now.Add(fresh)
	}
	c.actions = append(c.actions, Action{Kind: Poll, Prompted: prompted})
}

// release ends the wait for an answer.
func (c *Client) release() { c.hold, c.ends = time.Time{}, false }

// Offered is the answer to a poll: the tasks that the client may run, in the order
// in which they are to be tried. The list is not changed by either side. What
// somebody stopped since the poll began stays stopped.
func (c *Client) Offered(now time.Time, offers []contract.OfferedTask) []Action {
	c.actions = c.actions[:0]
	offers = without(offers, c.began, c.halts...)
	c.changed = c.changed || c.heard.IsZero() || !sameOffers(c.offered, offers)
	c.offered, c.asked, c.heard, c.restored, c.away = offers, c.began, now, false, false
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

// answered ends a poll. If it is older than what it should tell of, there is
// another one, and the choice waits for that, unless it has waited long enough.
func (c *Client) answered(now time.Time) []Action {
	c.polling = false
	wait := c.opt.Interval
	if c.away { // not all clients find out together that it is back
		wait += time.Duration((c.opt.Random() - 0.5) * float64(wait))
	}
	c.due = now.Add(wait)
	c.stretch(now)
	switch {
	case c.repeat:
		c.poll(now, true)
	case c.news:
		c.ask(now)
	default:
		c.release()
	}
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
				c.stop(id, t, t.halted)
			}
		case !t.starting:
			c.want(t, false)
			delete(c.tasks, id)
		}
	}
}

// stop ends what runs; halted tells that somebody wanted that.
func (c *Client) stop(id string, t *task, halted bool) {
	if !t.stopping {
		t.stopping = true
		c.actions = append(c.actions, Action{Kind: Stop, TaskID: id, Execution: t.execution, Halted: halted})
	}
}
