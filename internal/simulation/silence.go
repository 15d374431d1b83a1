package simulation

import "time"

// freeTime is how long a client that has room may wait for the cloud before it goes
// by its last answer, and a little.
const freeTime = time.Second + 10*time.Millisecond

// freed: a client's manager knows that it has room. Whatever the cloud does, it has
// to use it.
func (w *world) freed(c *client) {
	c.frees++
	w.push(freeTime, event{kind: evFree, who: c.id, life: c.life, arg: c.frees})
}

// free looks whether it has, with what is on the last answer and nothing speaks
// against. An answer since is another matter: it may have led to another poll.
func (w *world) free(c *client, e *event) {
	if !c.manager || e.life != c.life || c.heardAt < c.up || c.heardAt > w.now-freeTime {
		return
	}
	busy := len(c.launches) + int(c.frees-e.arg) // what came free since has its own time
	var taken uint64
	for i := range c.launches {
		taken |= 1 << c.launches[i].task
	}
	for _, n := range c.disk.executions {
		if p := &w.procs[n]; p.watched {
			busy++
			taken |= 1 << p.task
		}
	}
	if busy >= c.room {
		return
	}
	for n := range w.cloud.tasks {
		m := &c.memo[n]
		rested := m.lastEnd == 0 || w.now-m.lastEnd > 4*w.opt.Interval+2*time.Minute
		if (c.heard&^taken)>>n&1 == 1 && m.heldVersion == 0 && m.failed == 0 && rested {
			w.violation("%s waits for the cloud to start %s", c.name, w.cloud.tasks[n].id)
		}
	}
}

// allowed holds the choice of a task to what the cloud has told.
func (w *world) allowed(c *client, task int16) {
	if c.heard>>task&1 == 0 {
		w.violation("%s starts %s, which it is not offered", c.name, w.cloud.tasks[task].id)
	}
}
