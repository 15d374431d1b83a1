package clienttaskmanager

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// callTimeout bounds each call to the cloud.
	callTimeout = 10 * time.Second
	// fresh is how long the next task waits, after one ended, for a list that is
	// newer than that: the ended one may be on it no more. A cloud that does not
	// answer holds nothing up for longer.
	fresh = time.Second
	// absentPolls is how many polls in a row must lack a running task before
	// the client stops its side: one may fall into a restart of the server.
	absentPolls = 2
)

// execution is one run of a task's client side.
type execution struct {
	task    contract.OfferedTask
	digest  string
	proc    *supervise.Process
	mayTell *rate.Limiter // its events
	rounds  *rate.Limiter // and its rounds
	gone    atomic.Bool   // we stop it, since the cloud offers the task no more
}

func newExecution(t contract.OfferedTask, digest string, p *supervise.Process) *execution {
	return &execution{task: t, digest: digest, proc: p, mayTell: launch.NewEventLimiter(), rounds: launch.NewEventLimiter()}
}

// about is what the timeline says of it.
func (e *execution) about() contract.About {
	return contract.About{Task: e.task.ID, Execution: e.proc.ID()}
}

// outcome ends a launch or an execution.
type outcome struct {
	taskID string
	exec   *execution // the launched one; nil if nothing runs (any more)
	result result
	reason policy.Reason
	detail string
	held   bool // it must not run again for now
}

type result int

const (
	launched result = iota
	kept            // not launched: in quarantine with these very files
	finished
	failed
	ended // stopped by us, or left to the next manager
)

// answer ends a poll.
type answer struct {
	offered []contract.OfferedTask
	trace   string
	err     error
}

// loop decides what runs. Its fields belong to the goroutine of run.
type loop struct {
	s        *Service
	outcomes chan outcome
	answers  chan answer
	work     sync.WaitGroup // launches, watches and polls

	polling bool
	stale   bool      // an end or a stop came after the poll under way had begun: another one is wanted
	asked   time.Time // since when a fresh list is waited for; zero: none is

	offered  []contract.OfferedTask
	trace    string // of the poll that gave these
	running  map[string]*execution
	starting map[string]bool
	absent   map[string]int             // by running task: polls in a row without it
	settled  map[string]time.Time       // finished here: not again before, unless its server restarts
	checked  map[string]time.Time       // in quarantine: when its files were last compared
	restarts map[string]*policy.Tracker // failures so far
	retryAt  map[string]time.Time
}

func newLoop(s *Service) *loop {
	return &loop{
		s: s, outcomes: make(chan outcome), answers: make(chan answer),
		running: map[string]*execution{}, starting: map[string]bool{}, absent: map[string]int{},
		settled: map[string]time.Time{}, checked: map[string]time.Time{},
		restarts: map[string]*policy.Tracker{}, retryAt: map[string]time.Time{},
	}
}

func (l *loop) run(ctx context.Context) error {
	if err := l.adopt(ctx); err != nil {
		return err
	}
	l.publish(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.shutdown(ctx)
			return nil
		case o := <-l.outcomes:
			if l.settle(o) {
				l.asked = time.Now()
				l.poll(ctx, true)
			}
		case a := <-l.answers:
			l.answered(ctx, a)
		case <-timer.C:
			if !l.polling {
				l.poll(ctx, false)
			}
		case <-l.s.wakes.due:
			l.woken(ctx)
		}
		l.halt(ctx)
		if time.Since(l.asked) >= fresh {
			l.choose(ctx)
		}
		l.publish(ctx)
		timer.Reset(l.pause(l.untilNext()))
	}
}

// settle takes an outcome in; true asks for a poll at once.
func (l *loop) settle(o outcome) bool {
	delete(l.starting, o.taskID)
	if o.result == launched {
		l.running[o.taskID] = o.exec
		delete(l.absent, o.taskID)
		l.s.metrics.launched.Inc()
		return false
	}
	delete(l.running, o.taskID)
	now := time.Now()
	switch o.result {
	case kept:
		l.checked[o.taskID] = now
		return false
	case finished:
		l.settled[o.taskID] = now.Add(3 * l.s.opt.Interval)
		delete(l.restarts, o.taskID)
		l.s.metrics.ended.WithLabelValues("finished").Inc()
	case failed:
		l.s.metrics.ended.WithLabelValues(string(o.reason)).Inc()
		if !o.held {
			l.again(o, now)
			break
		}
		l.checked[o.taskID] = now
		delete(l.restarts, o.taskID)
		l.s.log.Warn("a task failed and is in quarantine", "task_id", o.taskID, "reason", o.reason, "detail", o.detail)
	case ended:
		l.s.metrics.ended.WithLabelValues("stopped").Inc()
	}
	return true
}

// poll tells the cloud what changed and asks for tasks, beside the loop: a cloud
// that is silent must not keep it from what happens here. All that a poll leads
// to is one trace; prompted tells that an execution's end led to it.
func (l *loop) poll(ctx context.Context, prompted bool) {
	if l.polling {
		l.stale = l.stale || prompted
		return
	}
	l.polling, l.stale, l.asked = true, false, time.Now()
	s, a := l.s, answer{trace: rpc.NewTrace()}
	ctx = rpc.WithTrace(ctx, a.trace)
	l.work.Go(func() {
		s.sendInfo(ctx)
		a.offered, a.err = s.requestTasks(ctx, prompted)
		if a.err != nil {
			s.info.forget() // the cloud may not know this client (any more)
		}
		select {
		case l.answers <- a:
		case <-ctx.Done():
		}
	})
}

// answered takes the answer to a poll in. While the cloud is away the last list
// stands.
func (l *loop) answered(ctx context.Context, a answer) {
	s := l.s
	l.polling = false
	old := l.stale // it may be from before what has happened meanwhile
	if old {
		l.poll(ctx, true)
	} else {
		l.asked = time.Time{}
	}
	if a.err != nil {
		if ctx.Err() == nil {
			s.log.Warn("the cloud gave no list of tasks", "err", a.err)
			s.status.failed(a.err)
		}
		return
	}
	s.status.failed(nil)
	if old {
		a.offered = slices.DeleteFunc(a.offered, func(t contract.OfferedTask) bool { return s.wakes.halted[t.ID] })
	}
	l.offered, l.trace = a.offered, a.trace
	l.reconcile(rpc.WithTrace(ctx, a.trace))
}

// reconcile stops what the cloud offers no more and forgets what waits for its
// disappearance.
func (l *loop) reconcile(ctx context.Context) {
	now := map[string]bool{}
	for _, t := range l.offered {
		now[t.ID] = true
	}
	gone := func(id string) bool { return !now[id] }
	forget(l.settled, gone)
	forget(l.checked, gone)
	forget(l.retryAt, gone)
	forget(l.restarts, gone)
	for id, e := range l.running {
		if now[id] {
			delete(l.absent, id)
			continue
		}
		if l.absent[id]++; l.absent[id] < absentPolls || e.gone.Swap(true) {
			continue
		}
		l.s.log.Info("the cloud offers the task no more; stopping its client side", "task_id", id)
		l.work.Go(func() { l.s.stop(ctx, e.proc) })
	}
}

func forget[V any](m map[string]V, gone func(id string) bool) {
	maps.DeleteFunc(m, func(id string, _ V) bool { return gone(id) })
}

// adopt takes over what an earlier manager left running.
func (l *loop) adopt(ctx context.Context) error {
	procs, err := l.s.procs.Recover(ctx)
	if err != nil {
		// What is in doubt is never started a second time; the rest goes on.
		l.s.log.Error("some executions could not be taken over", "err", err)
	}
	var ends []func()
	for _, p := range procs {
		e := newExecution(contract.OfferedTask{ID: p.TaskID()}, p.Labels()[labelDigest], p)
		if e.task.ID == "" {
			return fmt.Errorf("execution %s names no task", p.ID())
		}
		if l.running[e.task.ID] != nil {
			continue
		}
		if run, over := handled(p); over {
			if run.State != "" {
				ends = append(ends, func() { l.s.tellRun(ctx, e.about(), run) })
			}
			continue
		}
		l.running[e.task.ID] = e
		ctx := rpc.WithTrace(ctx, p.Labels()[labelTrace])
		l.s.tellRunning(ctx, e)
		l.s.log.Info("took over a running task", "task_id", e.task.ID, "pid", p.PID())
		l.work.Go(func() {
			end := l.s.watch(ctx, e)
			select {
			case l.outcomes <- end:
			case <-ctx.Done():
			}
		})
	}
	for _, tell := range ends[max(0, len(ends)-maxRetold):] {
		tell()
	}
	return nil
}

// shutdown stops what runs, all at once, unless it is to be kept.
func (l *loop) shutdown(ctx context.Context) {
	if l.s.opt.KeepTasks {
		l.s.detach()
	} else {
		for _, p := range l.s.procs.Processes() {
			l.work.Go(func() { l.s.stop(context.WithoutCancel(ctx), p) })
		}
	}
	l.work.Wait()
	if !l.s.opt.KeepTasks {
		clear(l.running)
		l.publish(ctx)
	}
}
