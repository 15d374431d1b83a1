package simulation

import "time"

// record tells the cloud's history of an execution: that it runs (endNone), or how
// it ended. Its id is the two together, so that one that comes again is known.
type record struct {
	exec int32
	end  ending
}

const (
	reportSize  = 500
	reportAfter = 200 * time.Millisecond
)

// tell puts a record where it waits for the cloud, on the client's disk.
func (w *world) tell(c *client, r record) {
	c.disk.outbox = append(c.disk.outbox, r)
	w.send(c)
}

func (w *world) send(c *client) {
	if !c.sending && len(c.disk.outbox) > 0 {
		c.sending = true
		w.push(reportAfter, event{kind: evReport, who: c.id, life: c.boot})
	}
}

// reporting is the way of a client's records: at least once, until the cloud has
// confirmed that they are stored.
func (w *world) reporting(c *client, e *event) {
	if e.life != c.boot {
		return
	}
	n, try := int(e.arg&0xffff), e.arg>>16
	again := func() {
		wait := time.Second << min(try, 5)
		w.push(wait/2+w.between(0, wait/2), event{kind: evReport, who: c.id, life: c.boot, arg: (try + 1) << 16})
	}
	switch e.kind {
	case evReport:
		if w.gone(c) || !w.cloud.up {
			again()
			return
		}
		n = min(len(c.disk.outbox), reportSize)
		w.push(w.delay(), event{kind: evStored, who: c.id, life: c.boot, arg: try<<16 | int64(n)})
	case evStored:
		if !w.cloud.up {
			again()
			return
		}
		w.store(c.disk.outbox[:n])
		if w.chance(w.opt.Faults.Doubled) {
			w.store(c.disk.outbox[:n])
		}
		if w.gone(c) { // stored, but the client does not know
			again()
			return
		}
		w.push(w.delay(), event{kind: evConfirmed, who: c.id, life: c.boot, arg: int64(n)})
	case evConfirmed:
		c.disk.outbox = append(c.disk.outbox[:0], c.disk.outbox[n:]...)
		c.sending = false
		w.send(c)
	}
}

// store is the cloud's history: an id that is there is the same record.
func (w *world) store(records []record) {
	for _, r := range records {
		told := &w.truth.told[r.exec]
		switch {
		case r.end == endNone:
			*told |= toldRunning
		case *told&toldEnd == 0:
			*told |= uint8(r.end) << 1
		case ending(*told&toldEnd>>1) != r.end:
			w.violation("execution %d ended twice in the history: %d and %d", r.exec, *told&toldEnd>>1, r.end)
		}
	}
}

// What the history was told of an execution.
const (
	toldRunning = 1
	toldEnd     = 0xfe
)
