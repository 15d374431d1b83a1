package simulation

import (
	"context"
	"math/rand/v2"
	"time"
)

// beginning is when every world begins.
var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is one run.
type world struct {
	opt     Options
	rng     *rand.Rand
	now     time.Duration // since the beginning
	queue   queue
	trace   *trace
	clients []*client
	cloud   cloud
	procs   []process // all executions at clients, by number
	names   []string  // and their ids
	truth   truth
	born    int64 // launches
}

// Run runs a world and tells what it saw. The error is of bad options, or that of
// ctx; what AGATA did wrong is in the report.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if err := opt.validate(); err != nil {
		return nil, err
	}
	w := &world{opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 0x5eed)), trace: newTrace()}
	w.setUp()
	for len(w.queue.heap) > 0 && w.queue.heap[0].at <= opt.Span {
		if w.trace.events&0xffff == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		e := w.queue.pop()
		w.now = e.at
		w.trace.add(&e)
		w.happen(&e)
	}
	w.now = opt.Span
	w.settleAccounts()
	return w.report(), nil
}

func (w *world) setUp() {
	for range 6 {
		w.create()
	}
	for i := range w.opt.Clients {
		c := w.newClient(i)
		w.clients = append(w.clients, c)
		w.push(w.between(0, w.opt.Interval), event{kind: evManagerUp, who: c.id, life: c.life})
	}
	w.cloud.up = true
	for i := range w.cloud.tasks[:4] {
		w.startServer(int16(i))
	}
	w.push(time.Minute, event{kind: evMinute})
	w.push(w.mean(w.opt.Faults.Operator), event{kind: evOperator})
	w.setUpFaults()
}

// clock is the time as AGATA sees it.
func (w *world) clock() time.Time { return beginning.Add(w.now) }

// push lets something happen after a while.
func (w *world) push(after time.Duration, e event) {
	e.at = w.now + after
	w.queue.push(e)
}

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *world) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.rng.Int64N(int64(b-a)+1))
}

// mean draws the time to the next of what happens at random.
func (w *world) mean(d time.Duration) time.Duration {
	return time.Duration(w.rng.ExpFloat64() * float64(d))
}

// calm tells that nothing is to go wrong any more.
func (w *world) calm() bool { return w.now >= w.opt.Span-calm }

func (w *world) happen(e *event) {
	switch e.kind {
	case evServerExit, evServerSeen, evCloudUp:
		w.atCloud(e)
	case evOperator:
		w.operate()
	case evFault:
		w.fault(e)
	case evMinute:
		w.everyMinute()
		w.push(time.Minute, event{kind: evMinute})
	case evReport, evStored, evConfirmed:
		w.reporting(w.clients[e.who], e)
	default:
		w.atClient(w.clients[e.who], e)
	}
}
