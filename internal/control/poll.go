package control

import (
	"slices"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// Next is when Tick is to be called. False: there is nothing to wait for but the
// answer to a poll.
func (c *Client) Next() (time.Time, bool) {
	if !c.retry.IsZero() && c.retry.Before(c.due) {
		return c.retry, !c.polling
	}
	return c.due, !c.polling
}

// Tick tells that it is time.
func (c *Client) Tick(now time.Time) []Action {
	c.actions = c.actions[:0]
	at, waiting := c.Next()
	switch {
	case !waiting || now.Before(at):
	case c.away && now.Before(c.due):
		c.choose(now) // a restart is due, and the cloud would not answer
	default:
		c.poll(false)
	}
	return c.actions
}

// Woken tells that the cloud has news: it is asked at once. Whatever comes while
// it is being asked is one more poll.
func (c *Client) Woken() []Action {
	c.actions = c.actions[:0]
	c.poll(true)
	c.woken = true
	return c.actions
}

func (c *Client) poll(prompted bool) {
	if c.polling {
		c.repeat = true
		return
	}
	c.polling, c.repeat, c.woken = true, false, false
	c.actions = append(c.actions, Action{Kind: Poll, Prompted: prompted})
}

// Offered is the answer to a poll: the tasks that the client may run, in the order
// in which they are to be tried. The list is not changed by either side.
func (c *Client) Offered(now time.Time, offers []contract.OfferedTask) []Action {
	c.actions = c.actions[:0]
	c.changed = c.changed || c.heard.IsZero() || !sameOffers(c.offered, offers)
	c.offered, c.heard, c.restored, c.away = offers, now, false, false
	return c.answered(now, c.reconcile())
}

// Unreachable tells that a poll had no answer. The last one stands.
func (c *Client) Unreachable(now time.Time) []Action {
	c.actions = c.actions[:0]
	c.away = true
	return c.answered(now, false)
}

// Refused tells that the cloud is there and gives this client no answer. What runs
// runs on, but nothing is started by an answer that it gave to an earlier client.
func (c *Client) Refused(now time.Time) []Action {
	c.actions = c.actions[:0]
	c.away = false
	return c.answered(now, false)
}

// answered ends a poll. doubt: a task that runs is missing for the first time.
func (c *Client) answered(now time.Time, doubt bool) []Action {
	c.polling = false
	if c.repeat {
		woken := c.woken
		c.poll(true)
		c.woken = woken
		return c.actions
	}
	c.due = now.Add(c.opt.Interval)
	if doubt && c.woken {
		c.due = now.Add(min(c.opt.Interval, confirmAfter))
	}
	c.choose(now)
	return c.actions
}

// reconcile stops what the cloud offers no more and forgets what waits for its
// disappearance.
func (c *Client) reconcile() (doubt bool) {
	c.answers++
	for i := range c.offered {
		if t := c.tasks[c.offered[i].ID]; t != nil {
			t.offered, t.absent, t.noFiles = c.answers, 0, false
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
			if t.absent++; t.absent < absentPolls {
				doubt = true
			} else if !t.stopping {
				t.stopping = true
				c.actions = append(c.actions, Action{Kind: Stop, TaskID: id, Execution: t.execution})
			}
		case !t.starting:
			c.want(t, false)
			delete(c.tasks, id)
		}
	}
	return doubt
}
