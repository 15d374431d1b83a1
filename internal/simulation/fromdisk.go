package simulation

import "time"

// remember notes what runs on a machine that loses its power, is known to its
// manager and was offered in the cloud's last answer: it has to start from disk.
func (w *world) remember(c *client) {
	c.ran = c.ran[:0]
	if !c.manager {
		return
	}
	for _, n := range c.disk.executions {
		if p := &w.procs[n]; p.alive && p.watched && !p.stopping && c.heard>>p.task&1 == 1 {
			c.ran = append(c.ran, n)
		}
	}
}

// diskTime is how long a start from disk may take: two polls without an answer, and
// a back-off.
const diskTime = 2*callTimeout + 10*time.Second

func (w *world) expectFromDisk(c *client) {
	if c.cut == 0 {
		c.ran = c.ran[:0]
	}
	if len(c.ran) > 0 {
		w.push(diskTime, event{kind: evDisk, who: c.id, life: c.life})
	}
}

// fromDisk looks whether a client without a network runs what it ran before its
// machine restarted, unless that has ended since.
func (w *world) fromDisk(c *client, e *event) {
	ran := c.ran
	c.ran = c.ran[:0]
	if c.cut == 0 || e.life != c.life || c.cutSince > c.up || !c.manager {
		return
	}
	for _, n := range ran {
		task := w.procs[n].task
		if m := &c.memo[task]; max(m.lastEnd, m.failed) > c.up {
			continue
		}
		w.truth.offline++
		if !w.runs(c, task) {
			w.violation("%s has no network and did not start %s from disk", c.name, w.cloud.tasks[task].id)
		}
	}
}

func (w *world) runs(c *client, task int16) bool {
	for _, n := range c.disk.executions {
		if w.procs[n].alive && w.procs[n].task == task {
			return true
		}
	}
	return false
}
