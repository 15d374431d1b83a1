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

// Halted tells that somebody stopped a task at the cloud: at the latest when, by the
// clock that polls are timed with, and which execution of its server that was ("": it
// is not known). That is obeyed as it stands, without a poll, also by a launch that is
// under way: the last answer, or one that is on its way, counts no more for this task.
// A newer offer does: what was begun for that goes on, since the stop comes late.
func (c *Client) Halted(id, server string, at time.Time) []Action {
	c.actions = c.actions[:0]
	h := halt{id, server, at}
	if c.polling {
		c.news, c.halts = true, append(slices.DeleteFunc(c.halts, h.older), h)
	}
	t := c.tasks[id]
	if slices.ContainsFunc(c.offered, func(o contract.OfferedTask) bool { return o.ID == id && !h.ends(id, o.Execution, c.asked) }) {
		if t != nil && t.running && !t.asked.IsZero() && h.ends(id, t.server, t.asked) {
			c.stop(id, t, true)
		}
		return c.actions
	}
	if left := without(c.offered, c.asked, h); len(left) < len(c.offered) {
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
type halt struct {
	task, server string
	at           time.Time
}

// ends tells whether it ends what a poll that began when asked was offered: the same
// execution of the server or an earlier one, as their ids begin with the time. Where
// one is not known, as in the offers of an open cloud, the moments decide.
func (h halt) ends(task, server string, asked time.Time) bool {
	if h.task == task && h.server != "" && server != "" {
		return server <= h.server
	}
	return h.task == task && !asked.After(h.at)
}

// older tells whether another says no more than this one.
func (h halt) older(other halt) bool {
	return h.task == other.task && h.server >= other.server && !h.at.Before(other.at)
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
func without(offers []contract.OfferedTask, asked time.Time, halts ...halt) []contract.OfferedTask {
	ended := func(t contract.OfferedTask) bool {
		return slices.ContainsFunc(halts, func(h halt) bool { return h.ends(t.ID, t.Execution, asked) })
	}
	if !slices.ContainsFunc(offers, ended) {
		return offers
	}
	return slices.DeleteFunc(slices.Clone(offers), ended)
}
