package control

import (
	"slices"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// Woken tells that the cloud has news: it is asked at once. Whatever comes while
// it is being asked is one more poll, and so is whatever comes too soon after one.
func (c *Client) Woken(now time.Time) []Action {
	c.actions = c.actions[:0]
	if c.polling {
		c.news = true
	} else {
		c.ask(now)
	}
	return c.actions
}

// ask begins a poll as soon as the last wake's allows.
func (c *Client) ask(now time.Time) {
	if free := c.woken.Add(wakePace); now.Before(free) {
		c.wake = free
		return
	}
	c.woken = now
	c.poll(now, true)
}

// Halted tells that somebody stopped a task at the cloud, and which execution of its
// server that was ("": it is not known). That is obeyed as it stands, without a poll,
// also by a launch that is under way: the last answer, or one that is on its way,
// counts no more for this task. An offer of a newer execution does: what was begun
// for that goes on, since the stop comes late.
func (c *Client) Halted(id, server string) []Action {
	c.actions = c.actions[:0]
	h := halt{id, server}
	if c.polling && !slices.Contains(c.halts, h) {
		c.news, c.halts = true, append(c.halts, h)
	}
	t := c.tasks[id]
	if slices.ContainsFunc(c.offered, func(o contract.OfferedTask) bool { return o.ID == id && !h.ends(o.ID, o.Execution) }) {
		if t != nil && t.running && t.server != "" && t.server <= server {
			c.stop(id, t, true)
		}
		return c.actions
	}
	if left := without(c.offered, h); len(left) < len(c.offered) {
		c.offered, c.changed = left, true
	}
	if t == nil {
		return c.actions
	}
	t.halted = true
	c.want(t, false)
	if t.running {
		c.stop(id, t, true)
	}
	return c.actions
}

// halt is a stop that somebody made at the cloud.
type halt struct{ task, server string }

// ends tells whether it ends what is offered: the same execution or an earlier one,
// as far as both are known. Their ids begin with the time.
func (h halt) ends(task, server string) bool {
	return h.task == task && (h.server == "" || server == "" || server <= h.server)
}

// Changed tells that a task is another now than when it failed: its files are
// looked at, or it is tried, with the next answer.
func (c *Client) Changed(id string) {
	if t := c.tasks[id]; t != nil {
		t.checked, t.retryAt = time.Time{}, time.Time{}
	}
}

// Busy tells that the cloud does not want to be asked before a time, unless
// something prompts it.
func (c *Client) Busy(now, until time.Time) {
	c.later = until
	if !c.polling {
		c.stretch(now)
	}
}

// stretch leaves a busy cloud alone, within bounds.
func (c *Client) stretch(now time.Time) {
	later := now.Add(maxStretch * c.opt.Interval)
	if c.later.Before(later) {
		later = c.later
	}
	if c.due.Before(later) {
		c.due = later
	}
}

// without is a list that lacks what was stopped.
func without(offers []contract.OfferedTask, halts ...halt) []contract.OfferedTask {
	ended := func(t contract.OfferedTask) bool {
		return slices.ContainsFunc(halts, func(h halt) bool { return h.ends(t.ID, t.Execution) })
	}
	if !slices.ContainsFunc(offers, ended) {
		return offers
	}
	return slices.DeleteFunc(slices.Clone(offers), ended)
}
