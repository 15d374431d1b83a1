package simulation

import "time"

// operate is what somebody does at the cloud. Without it nothing is done: the call
// has failed, and they know.
func (w *world) operate() {
	if w.calm() {
		return
	}
	w.push(w.mean(w.opt.Faults.Operator), event{kind: evOperator})
	if !w.cloud.up {
		return
	}
	n := int16(w.rng.IntN(len(w.cloud.tasks)))
	t := &w.cloud.tasks[n]
	draw := w.rng.Float64()
	w.trace.note('!', int64(n))
	switch {
	case draw < 0.08 && len(w.cloud.tasks) < maxTasks:
		w.create()
	case draw < 0.45:
		if !t.running {
			w.startServer(n)
			w.changed(n, causeStart)
		}
	case draw < 0.65:
		if t.running && w.running() > 3 {
			w.stopServer(n)
			w.changed(n, causeStop)
		}
	case draw < 0.85:
		w.upload(n)
		w.changed(n, causeUpload)
	case draw < 0.90:
		w.choose(n)
		if t.running {
			w.cloud.offers.Replace(t.offer(n))
			w.changed(n, causeCriteria)
		}
	case draw < 0.94:
		for range 1 + len(w.clients)/100 {
			c := w.clients[w.rng.IntN(len(w.clients))]
			w.describe(c)
			w.check(c, causeCriteria)
		}
	default:
		w.release(w.clients[w.rng.IntN(len(w.clients))])
	}
}

func (w *world) running() (n int) {
	for i := range w.cloud.tasks {
		if w.cloud.tasks[i].running {
			n++
		}
	}
	return n
}

// changed: the clients that a change concerns are woken, mostly. A wake that is
// lost is lost.
func (w *world) changed(n int16, why cause) {
	w.checkAll(n, why)
	if w.chance(0.3) {
		return // as with a cloud that cannot
	}
	for _, c := range w.clients {
		if c.fits>>n&1 == 1 && c.power && !w.gone(c) {
			w.push(w.delay()+w.between(0, time.Second), event{kind: evWake, who: c.id, arg: int64(w.cloud.tasks[n].server)<<32 | int64(n)<<8 | int64(why)})
		}
	}
}

// woken is what services/client-task-manager/wake.go makes of a wake.
func (w *world) woken(c *client, e *event) {
	n, server := e.arg>>8&0xffffff, int32(e.arg>>32)
	id := w.cloud.tasks[n].id
	if cause(e.arg&0xff) == causeStop {
		c.halts[n] = max(c.halts[n], server)
		if c.heardOf[n] <= server {
			c.heard &^= 1 << n
		}
		w.do(c, c.control.Halted(id, execution(server), w.clock()))
		return
	}
	c.control.Changed(id)
	w.do(c, c.control.Woken(w.clock()))
}

// release ends what a client holds back.
func (w *world) release(c *client) {
	if !c.manager {
		return
	}
	w.truth.faults[causeRelease]++
	for i := range w.cloud.tasks {
		if c.quarantine.Release(w.cloud.tasks[i].id) > 0 {
			c.memo[i].heldUntil = 0
		}
	}
	c.disk.quarantine = c.quarantine.Entries(w.clock())
	w.check(c, causeRelease)
}
