package control

import "time"

// choose launches what may run now: what is not held first, in the order of the
// offers; then, once an interval, what may have got new files. While it waits for an
// answer of the cloud nothing is: that may change the choice.
func (c *Client) choose(now time.Time) {
	if c.hold.IsZero() && c.busy < c.opt.Room {
		held := c.opt.Quarantine.tasks(now)
		c.launch(now, held, false)
		if len(held) > 0 {
			c.launch(now, held, true)
		}
	}
	c.wait(now)
}

func (c *Client) launch(now time.Time, held map[string]bool, again bool) {
	for _, o := range c.offered {
		if c.busy >= c.opt.Room {
			return
		}
		if held[o.ID] != again {
			continue
		}
		t := c.task(o.ID)
		if t.running || t.starting || now.Before(t.retryAt) || now.Before(t.settled) {
			continue
		}
		offline := c.offline(now, t)
		if c.restored && !offline || again && now.Sub(t.checked) < c.opt.Interval {
			continue
		}
		if again {
			t.checked = now
		}
		t.starting, t.server, t.asked = true, o.Execution, c.asked
		c.busy++
		c.actions = append(c.actions, Action{Kind: Launch, Task: o, Again: again, Offline: offline})
	}
}

// offline tells whether a task may be started from disk: it ran when the cloud was
// last heard, and that is not too long ago. A clock that has gone back, as after a
// reboot without a network, makes no answer too old.
func (c *Client) offline(now time.Time, t *task) bool {
	return c.away && t.wanted && !t.noFiles && now.Sub(c.heard) < OfflineFor
}

// wait finds the next restart.
func (c *Client) wait(now time.Time) {
	c.retry = time.Time{}
	for i := range c.offered {
		t := c.tasks[c.offered[i].ID]
		if t == nil || t.running || t.starting || !t.retryAt.After(now) {
			continue
		}
		if c.retry.IsZero() || t.retryAt.Before(c.retry) {
			c.retry = t.retryAt
		}
	}
}
