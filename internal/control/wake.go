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

// Halted tells that somebody stopped a task at the cloud. That is obeyed as it
// stands, without a poll, also by a launch that is under way: the last answer, or
// one that is on its way, counts no more for this task.
func (c *Client) Halted(id string) []Action {
	c.actions = c.actions[:0]
	if c.polling && !slices.Contains(c.halts, id) {
		c.news, c.halts = true, append(c.halts, id)
	}
	if left := without(c.offered, id); len(left) < len(c.offered) {
		c.offered, c.changed = left, true
	}
	t := c.tasks[id]
	if t == nil {
		return c.actions
	}
	t.halted = true
	c.want(t, false)
	if t.running {
		c.stop(id, t)
	}
	return c.actions
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

// without is a list that lacks some tasks.
func without(offers []contract.OfferedTask, ids ...string) []contract.OfferedTask {
	named := func(t contract.OfferedTask) bool { return slices.Contains(ids, t.ID) }
	if !slices.ContainsFunc(offers, named) {
		return offers
	}
	return slices.DeleteFunc(slices.Clone(offers), named)
}
