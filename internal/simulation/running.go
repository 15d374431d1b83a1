package simulation

import (
	"strconv"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// launch begins to bring the files of a task (services/client-task-manager/launch.go).
func (w *world) launch(c *client, a *control.Action) {
	w.born++
	w.allowed(c, w.cloud.index(a.Task.ID))
	l := launch{n: w.born, task: w.cloud.index(a.Task.ID), again: a.Again, offline: a.Offline}
	took := w.delay() + w.delay() + w.between(10*time.Millisecond, 2*time.Second)
	switch {
	case l.offline:
		l.version, took = c.disk.files[l.task], w.between(time.Millisecond, 50*time.Millisecond)
	case c.cut > 0:
		l.failed, took = true, w.between(20*time.Second, 25*time.Second)
	case !w.cloud.up || w.chance(w.opt.Faults.Lost):
		l.failed, took = true, w.between(time.Second, 2*time.Second)
	}
	c.launches = append(c.launches, l)
	w.push(took, event{kind: evFetched, who: c.id, life: c.life, arg: l.n})
}

func (w *world) launching(c *client, e *event) {
	for i := range c.launches {
		if l := &c.launches[i]; l.n == e.arg {
			switch e.kind {
			case evFetched:
				w.fetched(c, l)
			case evSpawned:
				w.spawned(c, l)
			case evLaunched:
				w.launched(c, l)
			}
			return
		}
	}
}

// notLaunched ends a launch that led to nothing.
func (w *world) notLaunched(c *client, l *launch, o control.Outcome) {
	task := l.task
	o.Task = w.cloud.tasks[task].id
	w.trace.note('n', int64(o.Result))
	w.forget(c, l)
	if o.Result == control.Failed {
		w.truth.faults[causeLaunch]++
		c.memo[task].failed = w.now
		w.check(c, causeLaunch)
	}
	w.do(c, c.control.Ended(w.clock(), o))
	w.freed(c)
}

func (w *world) forget(c *client, l *launch) {
	last := len(c.launches) - 1
	*l = c.launches[last]
	c.launches = c.launches[:last]
}

func (w *world) hold(c *client, key policy.Key, reason policy.Reason) bool {
	held := c.quarantine.Fail(w.clock(), key, reason)
	c.disk.quarantine = c.quarantine.Entries(w.clock())
	return held
}

func (w *world) fetched(c *client, l *launch) {
	id, now := w.cloud.tasks[l.task].id, w.clock()
	switch {
	case !l.offline && (l.failed || c.cut > 0 || !w.cloud.up):
		held := w.hold(c, policy.Key{Task: id}, contract.ReasonDownloadFailed)
		w.notLaunched(c, l, control.Outcome{Result: control.Failed, Reason: contract.ReasonDownloadFailed, Held: held})
		return
	case l.offline && l.version == 0:
		w.notLaunched(c, l, control.Outcome{Result: control.NotOnDisk})
		return
	case !l.offline:
		l.version = w.cloud.tasks[l.task].version
		c.disk.files[l.task] = l.version
	}
	key := policy.Key{Task: id, Digest: digest(l.version)}
	if c.quarantine.Holds(now, key) {
		w.notLaunched(c, l, control.Outcome{Result: control.Kept})
		return
	}
	if c.quarantine.Succeed(now, policy.Key{Task: id}) { // the download did
		c.disk.quarantine = c.quarantine.Entries(now)
	}
	if !w.calm() && w.chance(0.003) {
		held := w.hold(c, key, contract.ReasonStartFailed)
		w.notLaunched(c, l, control.Outcome{Result: control.Failed, Reason: contract.ReasonStartFailed, Held: held})
		return
	}
	w.push(w.between(5*time.Millisecond, 60*time.Millisecond), event{kind: evSpawned, who: c.id, life: c.life, arg: l.n})
}

func digest(version int32) string { return strconv.Itoa(int(version)) }

// spawned: there is a process, and a folder of it. Nobody but the disk knows yet.
func (w *world) spawned(c *client, l *launch) {
	t := &w.cloud.tasks[l.task]
	l.exec = int32(len(w.procs))
	w.procs = append(w.procs, process{client: c.id, task: l.task, version: l.version, server: t.server, alive: true})
	w.names = append(w.names, strconv.Itoa(int(l.exec)))
	c.disk.executions = append(c.disk.executions, l.exec)
	w.truth.told = append(w.truth.told, 0)
	w.begins(c, l.exec)
	switch f := w.draw(t.programs[l.version]); {
	case f.hangs:
		w.procs[l.exec].hangs = true
	case f.end != endNone:
		w.exitAfter(f.after, l.exec, f.end)
	}
	if !w.maybeKill(c) {
		w.push(time.Millisecond, event{kind: evLaunched, who: c.id, life: c.life, arg: l.n})
	}
}

func (w *world) exitAfter(d time.Duration, exec int32, end ending) {
	w.push(d, event{kind: evExit, who: w.procs[exec].client, arg: int64(exec)<<4 | int64(end)})
}

func (w *world) launched(c *client, l *launch) {
	n, p := l.exec, &w.procs[l.exec]
	w.forget(c, l)
	p.watched = true
	w.tell(c, record{n, endNone})
	w.push(stallAfter, event{kind: evStall, who: c.id, life: c.life, arg: int64(n)})
	if !p.alive {
		w.notice(c, n)
	}
	w.do(c, c.control.Launched(w.clock(), w.cloud.tasks[p.task].id, w.names[n]))
}

// stop ends an execution as its task is offered no more.
func (w *world) stop(c *client, a *control.Action) {
	for _, n := range c.disk.executions {
		if p := &w.procs[n]; w.names[n] == a.Execution && p.alive {
			w.trace.note('s', int64(n))
			p.stopping = true
			w.exitAfter(w.between(10*time.Millisecond, 5*time.Second), n, endStopped)
		}
	}
}

// exited: a process is gone, whoever looks.
func (w *world) exited(c *client, n int32, end ending) {
	p := &w.procs[n]
	if !p.alive {
		return
	}
	w.ends(c, n, end)
	if p.watched {
		w.notice(c, n)
	}
}

func (w *world) notice(c *client, n int32) {
	w.push(w.between(time.Millisecond, 20*time.Millisecond), event{kind: evNoticed, who: c.id, life: c.life, arg: int64(n)})
}

// watching is a watch's way with an end, step by step (services/client-task-manager/watch.go).
func (w *world) watching(c *client, e *event) {
	n := int32(e.arg)
	p := &w.procs[n]
	step := func(next kind) {
		if !w.maybeKill(c) {
			w.push(w.between(time.Millisecond, 5*time.Millisecond), event{kind: next, who: c.id, life: c.life, arg: e.arg})
		}
	}
	id := w.cloud.tasks[p.task].id
	result, reason := p.end.outcome()
	switch e.kind {
	case evStall:
		if p.alive && p.hangs {
			w.exited(c, n, endStalled)
		}
	case evNoticed:
		key := policy.Key{Task: id, Digest: digest(p.version)}
		switch result {
		case control.Finished:
			c.quarantine.Succeed(w.clock(), key)
			c.disk.quarantine = c.quarantine.Entries(w.clock())
		case control.Failed:
			p.held = w.hold(c, key, reason)
		}
		step(evTold)
	case evTold:
		w.tell(c, record{n, p.end})
		p.handled = true
		w.tidy(c, n)
		step(evSettled)
	case evSettled:
		p.watched = false
		w.trace.note('e', int64(p.end))
		w.do(c, c.control.Ended(w.clock(), control.Outcome{Task: id, Execution: w.names[n], Result: result, Reason: reason, Held: p.held}))
		w.freed(c)
	}
}

// tidy keeps the newest ended execution of a task, and what runs.
func (w *world) tidy(c *client, newest int32) {
	kept := c.disk.executions[:0]
	for _, n := range c.disk.executions {
		if n == newest || w.procs[n].alive || w.procs[n].task != w.procs[newest].task {
			kept = append(kept, n)
		}
	}
	c.disk.executions = kept
}
