package simulation

import (
	"slices"
	"time"
)

// Report is what a run saw.
type Report struct {
	Seed       uint64
	Clients    int
	Span       time.Duration
	Interval   time.Duration
	Events     int64
	Hash       string // of all events; the same for the same Options
	Polls      int64
	Executions int
	Offline    int64 // starts without a network after a restart of the machine
	Figures    []Figure
	Wrongs     int64    // violations
	Violations []string // the first of them
}

// Figure is how long clients took to what they should do, after one kind of fault:
// from the end of the fault, of those that it had brought away from it.
type Figure struct {
	Fault         string
	Faults        int64
	Disturbed     int // clients that had to do something
	P50, P99, Max time.Duration
}

func (w *world) report() *Report {
	r := &Report{
		Seed: w.opt.Seed, Clients: w.opt.Clients, Span: w.opt.Span, Interval: w.opt.Interval,
		Events: w.trace.events, Polls: w.truth.polls, Executions: len(w.procs), Offline: w.truth.offline,
		Wrongs: w.truth.wrongs, Violations: w.truth.violations,
	}
	r.Hash = w.trace.digest()
	for why := range causes {
		f := Figure{Fault: causeNames[why], Faults: w.truth.faults[why]}
		if took := w.truth.took[why]; len(took) > 0 {
			slices.Sort(took)
			f.Disturbed = len(took)
			f.P50, f.P99, f.Max = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
		}
		if f.Faults > 0 || f.Disturbed > 0 {
			r.Figures = append(r.Figures, f)
		}
	}
	return r
}

// settleAccounts looks, after an hour without faults, whether everything has come
// to its end.
func (w *world) settleAccounts() {
	for _, c := range w.clients {
		if len(c.disk.outbox) > 0 && !c.sending {
			w.violation("%s has %d records that nobody sends", c.name, len(c.disk.outbox))
		}
	}
	const late = time.Minute // what happened since may be on its way
	for n := range w.procs {
		p, told := &w.procs[n], w.truth.told[n]
		switch end := ending(told & toldEnd >> 1); {
		case p.alive && end != endNone:
			w.violation("the history says that execution %d has ended, which runs", n)
		case !p.alive && w.now-p.ended > late && end != p.end:
			w.violation("the history says %d of how execution %d ended, which is %d", end, n, p.end)
		case !p.alive && w.now-p.ended > late && told&toldRunning == 0:
			w.violation("the history was never told that execution %d ran", n)
		}
	}
}
