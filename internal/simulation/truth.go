package simulation

import (
	"fmt"
	"time"
)

// cause is what brought a client away from what it should do.
type cause uint8

const (
	causeFailed   cause = iota // a task failed by its own fault
	causeLacking               // or for want of something else
	causeStalled               // or hung
	causeFinished              // or finished
	causeStopped               // or was stopped
	causeLaunch                // a launch failed
	causeManager               // the client's manager was killed
	causePower                 // its machine restarted
	causeParted                // its network was away
	causeCloud                 // the cloud restarted
	causeServer                // a task's server ended
	causeStart                 // an operator started a task
	causeStop
	causeUpload
	causeCriteria
	causeRelease
	causes
)

var causeNames = [causes]string{
	"task failed", "task lacked something", "task hung", "task finished", "task stopped", "launch failed", "client manager killed",
	"client machine restarted", "network parted", "cloud restarted", "server ended", "operator: start", "operator: stop",
	"operator: new files", "operator: criteria, attributes", "operator: release",
}

// truth is what AGATA is held to.
type truth struct {
	polls      int64
	ends       [endLost + 1]int64
	told       []uint8 // by execution: what the history knows
	offline    int64   // starts without a cloud that were due
	faults     [causes]int64
	took       [causes][]time.Duration
	violations []string
	wrongs     int64
}

// view is what is true of one client.
type view struct {
	fits     uint64 // the tasks whose criteria it meets
	memo     [maxTasks]memo
	wrong    bool // it does not do what it should
	why      cause
	since    time.Duration
	cutSince time.Duration
	heard    uint64 // the tasks of the cloud's last answer, without what was stopped since it was asked
	heardAt  time.Duration
	frees    int64           // how often its manager has got room
	heardOf  [maxTasks]int32 // of which execution of each one's server
	halts    [maxTasks]int32 // which was stopped since it was asked last; 0: none
	ran      []int32         // when its machine lost its power
}

// memo is what is true of one task at one client.
type memo struct {
	finishedAt  time.Duration
	failed      time.Duration // the last failure for want of something; 0: none
	heldUntil   time.Duration
	lastEnd     time.Duration
	heldVersion int32
	finished    int32 // under which execution of the server; 0: none
}

// violation is what must not be.
func (w *world) violation(format string, args ...any) {
	w.truth.wrongs++
	if len(w.truth.violations) < 20 {
		w.truth.violations = append(w.truth.violations, fmt.Sprintf("%v: ", w.now.Round(time.Millisecond))+fmt.Sprintf(format, args...))
	}
}

// fit finds the tasks that a client may run.
func (w *world) fit(c *client) {
	for n := range w.cloud.tasks {
		w.fitOne(c, int16(n))
	}
}

func (w *world) fitOne(c *client, n int16) {
	ok, err := w.cloud.tasks[n].criteria.Eval(c.attrs)
	c.fits &^= 1 << n
	if ok && err == nil {
		c.fits |= 1 << n
	}
	c.memo[n].finished = 0 // it may have been out of the offers: then it may run again
}

// begins holds the start of an execution to the truth.
func (w *world) begins(c *client, n int32) {
	p := &w.procs[n]
	t, m := &w.cloud.tasks[p.task], &c.memo[p.task]
	live := 0
	for _, other := range c.disk.executions {
		o := &w.procs[other]
		if !o.alive {
			continue
		}
		if live++; other != n && o.task == p.task {
			w.violation("%s runs two copies of %s", c.name, t.id)
		}
	}
	if live > c.room {
		w.violation("%s runs %d tasks, and has room for %d", c.name, live, c.room)
	}
	if m.heldVersion == p.version && w.now < m.heldUntil {
		w.violation("%s runs %s again, which is set aside", c.name, t.id)
	}
	if m.finished == t.server && m.finished != 0 && w.now < m.finishedAt+3*w.opt.Interval {
		w.violation("%s runs %s again, which has finished", c.name, t.id)
	}
	if m.failed > 0 && w.now-m.failed < 700*time.Millisecond {
		w.violation("%s tries %s again at once", c.name, t.id)
	}
	w.look(c, causeStop)
}

// ends takes in how an execution really ended.
func (w *world) ends(c *client, n int32, end ending) {
	p := &w.procs[n]
	m := &c.memo[p.task]
	p.alive, p.end, p.ended = false, end, w.now
	m.lastEnd, m.failed = w.now, 0
	w.truth.ends[end]++
	why := causeLacking
	switch {
	case end == endFinished:
		m.finished, m.finishedAt, why = w.cloud.tasks[p.task].server, w.now, causeFinished
	case end == endStopped:
		why = causeStopped
	case end.fault():
		m.heldVersion, m.heldUntil, why = p.version, w.now+quarantineFor, causeFailed
	case end == endStalled:
		m.failed, why = w.now, causeStalled
	case end == endLost:
		why = causePower
	default:
		m.failed = w.now
	}
	if why != causePower {
		w.truth.faults[why]++
	}
	if w.look(c, why); c.wrong {
		c.why, c.since = why, w.now
	}
}

// right tells whether a client does what it should: all that it runs is offered to
// it, and it has no room for a task that it should run.
func (w *world) right(c *client) bool {
	var runs uint64
	live := 0
	for _, n := range c.disk.executions {
		if p := &w.procs[n]; p.alive {
			live++
			runs |= 1 << p.task
			if !w.cloud.tasks[p.task].running || c.fits>>p.task&1 == 0 {
				return false
			}
		}
	}
	if live >= c.room {
		return true
	}
	for n := range w.cloud.tasks {
		t, m := &w.cloud.tasks[n], &c.memo[n]
		if t.running && (c.fits&^runs)>>n&1 == 1 && m.finished != t.server && (m.heldVersion != t.version || w.now >= m.heldUntil) {
			return false
		}
	}
	return true
}

// check looks at a client after the world has changed around it: from then on it
// has time to come to what it should do. If that change made it right, nothing took
// any time.
func (w *world) check(c *client, why cause) {
	if c.wrong = false; !w.right(c) {
		c.wrong, c.why, c.since = true, why, w.now
	}
}

// look looks at a client after anything else; why, if it turns out to be wrong.
func (w *world) look(c *client, why cause) {
	switch right := w.right(c); {
	case right && c.wrong:
		c.wrong = false
		if !w.blocked(c) { // else it came right by chance, in the middle of the fault
			w.truth.took[c.why] = append(w.truth.took[c.why], w.now-c.since)
		}
	case !right && !c.wrong:
		c.wrong, c.why, c.since = true, why, w.now
	}
}

func (w *world) checkAll(n int16, why cause) {
	w.truth.faults[why]++
	for _, c := range w.clients {
		if c.fits>>n&1 == 1 || c.wrong {
			w.check(c, why)
		}
	}
}

// blocked tells that a client cannot come to what it should do for now.
func (w *world) blocked(c *client) bool { return !c.manager || c.cut > 0 || !w.cloud.up }

// patience is how long a client may take to what it should do, from the end of
// what disturbed it: some polls, a timeout each, and the longest back-off.
func (w *world) patience() time.Duration { return 4*w.opt.Interval + 3*time.Minute }

// everyMinute looks at all clients.
func (w *world) everyMinute() {
	const soon = 30 * time.Second
	for i, c := range w.clients {
		if int64(i)%60 == int64(w.now/time.Minute)%60 { // what nothing but the time has changed
			w.look(c, causeRelease)
		}
		if c.wrong && !w.blocked(c) && w.now-c.since > w.patience() {
			w.violation("%s has not come to what it should do, %v after %q", c.name, w.now-c.since, causeNames[c.why])
			c.since = w.now
		}
		if !c.manager || w.now-c.up < soon {
			continue
		}
		for _, n := range c.disk.executions {
			switch p := &w.procs[n]; {
			case p.alive && !p.watched && !c.isLaunching(n):
				w.violation("%s has a process of %s that its manager does not know", c.name, w.cloud.tasks[p.task].id)
			case !p.alive && p.watched && w.now-p.ended > soon:
				w.violation("%s takes %s for running, which has ended", c.name, w.cloud.tasks[p.task].id)
			}
		}
	}
	for i := range w.cloud.tasks {
		if t := &w.cloud.tasks[i]; w.cloud.up && t.running && !t.alive && w.now-t.ended > soon {
			w.violation("task %s is recorded as running, and has no process", t.id)
		}
	}
}

func (c *client) isLaunching(n int32) bool {
	for i := range c.launches {
		if c.launches[i].exec == n {
			return true
		}
	}
	return false
}
