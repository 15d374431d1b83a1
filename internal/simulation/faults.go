package simulation

import "time"

// Kinds of faults, as evFault's argument.
const (
	faultManager int64 = iota
	faultPower
	faultParted
	faultManyParted
	faultCloud
	faultCloudPower
	faultKinds
)

// every is the time between two faults of a kind in the whole world.
func (w *world) every(fault int64) time.Duration {
	f, n := w.opt.Faults, time.Duration(w.opt.Clients)
	return [faultKinds]time.Duration{f.ManagerKilled / n, f.PowerLost / n, f.Parted / n, f.ManyParted, f.CloudKilled, f.CloudPower}[fault]
}

func (w *world) setUpFaults() {
	for fault := range faultKinds {
		if mean := w.every(fault); mean > 0 {
			w.push(w.mean(mean), event{kind: evFault, arg: fault})
		}
	}
}

func (w *world) fault(e *event) {
	if w.calm() {
		return
	}
	w.push(w.mean(w.every(e.arg)), *e)
	c := w.clients[w.rng.IntN(len(w.clients))]
	w.trace.note('f', int64(c.id))
	switch e.arg {
	case faultManager:
		w.truth.faults[causeManager]++
		w.kill(c)
	case faultPower:
		w.losePower(c)
	case faultParted:
		w.truth.faults[causeParted]++
		w.part(c, w.mean(5*time.Minute))
	case faultManyParted:
		for range 1 + len(w.clients)/10 {
			w.truth.faults[causeParted]++
			w.part(w.clients[w.rng.IntN(len(w.clients))], w.between(10*time.Second, 20*time.Minute))
		}
	case faultCloud:
		w.truth.faults[causeCloud]++
		w.killCloud(false)
	case faultCloudPower:
		w.truth.faults[causeCloud]++
		w.killCloud(true)
	}
}

// part cuts a client off for a while, which ends with the faults.
func (w *world) part(c *client, d time.Duration) {
	c.cut++
	if c.cut == 1 {
		c.cutSince = w.now
	}
	w.push(min(d, time.Hour, max(0, w.opt.Span-calm-w.now)), event{kind: evHeal, who: c.id})
}

func (w *world) healed(c *client) {
	if c.cut--; c.cut == 0 {
		w.check(c, causeParted)
	}
}

// losePower ends all that runs on a client. Half the machines that come back have
// no network for a while.
func (w *world) losePower(c *client) {
	if !c.power {
		return
	}
	w.truth.faults[causePower]++
	w.remember(c)
	c.power, c.back = false, causePower
	c.boot++
	w.down(c)
	for _, n := range c.disk.executions {
		if w.procs[n].alive {
			w.ends(c, n, endLost)
		}
	}
	c.sending = false
	away := w.between(20*time.Second, 3*time.Minute)
	if w.chance(0.5) {
		w.part(c, away+w.between(time.Minute, time.Hour))
	}
	w.push(away, event{kind: evPower, who: c.id, life: c.boot})
}

func (w *world) powered(c *client, e *event) {
	if e.life != c.boot {
		return
	}
	c.power = true
	w.send(c)
	w.push(w.between(2*time.Second, 10*time.Second), event{kind: evManagerUp, who: c.id, life: c.life})
}
