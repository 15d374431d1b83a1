package clienttaskmanager

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/rpc"
)

// choose launches what may run now: what was never in quarantine first, in the
// order of the offers; then, once an interval, what may have got new files.
func (l *loop) choose(ctx context.Context) {
	room := 1
	if l.s.opt.Policy == PolicyAll {
		room = l.s.opt.MaxTasks
	}
	room -= len(l.running) + len(l.starting)
	if room <= 0 {
		return
	}
	ctx = rpc.WithTrace(ctx, l.trace)
	now, held := time.Now(), l.s.quarantine.tasks()
	for _, again := range []bool{false, true} {
		for _, t := range l.offered {
			if room <= 0 {
				return
			}
			if !l.eligible(t.ID, now) || held[t.ID] != again {
				continue
			}
			if again && now.Sub(l.checked[t.ID]) < l.s.opt.Interval {
				continue
			}
			room--
			l.starting[t.ID] = true
			l.work.Go(func() { l.send(ctx, l.s.launch(ctx, t, again)) })
		}
	}
}

func (l *loop) eligible(id string, now time.Time) bool {
	return l.running[id] == nil && !l.starting[id] && !now.Before(l.retryAt[id]) && !now.Before(l.settled[id])
}

// send hands an outcome to run, and starts the watch of what was launched. When
// the service stops nobody needs the outcome.
func (l *loop) send(ctx context.Context, o outcome) {
	select {
	case l.outcomes <- o:
	case <-ctx.Done():
		if o.result != launched {
			return
		}
		if !l.s.opt.KeepTasks { // shutdown may not have seen it
			l.s.stop(ctx, o.exec.proc)
		}
	}
	if o.result == launched {
		end := l.s.watch(ctx, o.exec)
		select {
		case l.outcomes <- end:
		case <-ctx.Done():
		}
	}
}

// untilNext is the time to the next poll, or to the next restart or the end of the
// wait for a fresh list if that is sooner.
func (l *loop) untilNext() time.Duration {
	wait := l.s.opt.Interval
	if d := fresh - time.Since(l.asked); d > 0 {
		wait = min(wait, d)
	}
	for _, t := range l.offered {
		if at, ok := l.retryAt[t.ID]; ok && l.running[t.ID] == nil && !l.starting[t.ID] {
			if d := time.Until(at); d > 0 {
				wait = min(wait, d)
			}
		}
	}
	return wait
}

// again decides when a task that failed, but is not held, is tried again.
func (l *loop) again(o outcome, now time.Time) {
	tracker := l.restarts[o.taskID]
	if tracker == nil {
		tracker = policy.NewTracker(restartPolicy(), rand.Float64)
		l.restarts[o.taskID] = tracker
	}
	d := tracker.Failed(now, o.reason)
	l.retryAt[o.taskID] = d.At
	l.s.log.Warn("a task failed and will be tried again", "task_id", o.taskID, "reason", o.reason, "detail", o.detail,
		"attempt", d.Attempt, "in", d.At.Sub(now))
}
