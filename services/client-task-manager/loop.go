package clienttaskmanager

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// callTimeout bounds each call to the cloud.
const callTimeout = 10 * time.Second

// execution is one run of a task's client side.
type execution struct {
	task    contract.OfferedTask
	digest  string
	proc    *supervise.Process
	mayTell *rate.Limiter // its events
	rounds  *rate.Limiter // and its rounds
	gone    atomic.Bool   // we stop it, since the cloud offers the task no more
	halted  atomic.Pointer[halt]
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
	launched  result = iota
	kept             // not launched: in quarantine with these very files
	notOnDisk        // not launched: the cloud is away, and its files are not here
	finished
	failed
	ended // stopped by us, or left to the next manager
)

// known is what control calls the result of something that ended.
func (r result) known() control.Result {
	switch r {
	case kept:
		return control.Kept
	case notOnDisk:
		return control.NotOnDisk
	case finished:
		return control.Finished
	case failed:
		return control.Failed
	default:
		return control.Stopped
	}
}

// answer ends a poll.
type answer struct {
	offered []contract.OfferedTask
	trace   string
	err     error
}

// loop carries out what control.Client decides. Its fields belong to the goroutine
// of run.
type loop struct {
	s        *Service
	client   *control.Client
	memory   memory
	outcomes chan outcome
	answers  chan answer
	work     sync.WaitGroup // polls, launches, watches and stops

	trace   string                // of the poll that gave the offers
	running map[string]*execution // by task
}

func newLoop(s *Service) (*loop, error) {
	m := newMemory(s.opt, s.log)
	client, err := control.NewClient(time.Now(), control.Options{
		Interval: s.opt.Interval, Room: s.opt.room(), Random: rand.Float64, Quarantine: s.quarantine.Quarantine,
	}, m.load())
	return &loop{s: s, client: client, memory: m, outcomes: make(chan outcome), answers: make(chan answer), running: map[string]*execution{}}, err
}

func (l *loop) run(ctx context.Context) error {
	if err := l.adopt(ctx); err != nil {
		return err
	}
	l.publish(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var actions []control.Action
		select {
		case <-ctx.Done():
			l.shutdown(ctx)
			return nil
		case o := <-l.outcomes:
			actions = l.settle(o)
		case a := <-l.answers:
			actions = l.answered(ctx, a)
		case <-timer.C:
			actions = l.client.Tick(time.Now())
		case <-l.s.wakes.due:
			actions = l.woken()
		}
		l.do(ctx, actions)
		l.publish(ctx)
		if at, ok := l.client.Next(); ok {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
	}
}

// do carries out actions: it begins them, and the loop goes on.
func (l *loop) do(ctx context.Context, actions []control.Action) {
	if l.client.Unsaved() {
		l.memory.save(l.client.State())
	}
	for _, a := range actions {
		switch a.Kind {
		case control.Poll:
			l.work.Go(func() { l.poll(ctx, a.Prompted) })
		case control.Launch:
			ctx := rpc.WithTrace(ctx, l.trace)
			if a.Offline {
				l.work.Go(func() { l.send(ctx, l.s.launchFromDisk(ctx, a.Task)) })
				continue
			}
			l.work.Go(func() { l.send(ctx, l.s.launch(ctx, a.Task, a.Again)) })
		case control.Stop:
			if e := l.running[a.TaskID]; e != nil {
				l.stop(ctx, e, a)
			}
		}
	}
}

// stop ends an execution that the cloud does not want any more, beside the loop.
func (l *loop) stop(ctx context.Context, e *execution, a control.Action) {
	e.gone.Store(true)
	reason, detail := contract.ReasonWithdrawn, "the cloud offers the task no more"
	if a.Halted {
		reason, detail = contract.ReasonOperatorStop, "the task was stopped at the cloud"
	}
	l.s.log.Info("stopping the client side of a task", "task_id", a.TaskID, "why", detail)
	l.work.Go(func() { l.s.halt(ctx, e, reason, detail) })
}

// settle takes an outcome in.
func (l *loop) settle(o outcome) []control.Action {
	now := time.Now()
	if o.result == launched {
		l.running[o.taskID] = o.exec
		l.s.metrics.launched.Inc()
		return l.client.Launched(now, o.taskID, o.exec.proc.ID())
	}
	end := control.Outcome{Task: o.taskID, Result: o.result.known(), Reason: o.reason, Held: o.held}
	if e := l.running[o.taskID]; e != nil {
		end.Execution = e.proc.ID()
		delete(l.running, o.taskID)
	}
	actions := l.client.Ended(now, end)
	log := l.s.log.With("task_id", o.taskID, "reason", o.reason, "detail", o.detail)
	if o.result == finished {
		o.reason = contract.ReasonFinished
	}
	if o.reason != "" { // none: the next manager goes on with it
		l.s.metrics.ended.WithLabelValues(string(o.reason)).Inc()
	}
	switch {
	case o.result == failed && o.held:
		log.Warn("a task failed and is in quarantine")
	case o.result == failed:
		log.Warn("a task failed and will be tried again", "in", l.client.RetryAt(o.taskID).Sub(now))
	}
	return actions
}

// poll tells the cloud what changed and asks for tasks, beside the loop: a cloud
// that is silent must not keep it from what happens here. All that a poll leads to
// is one trace; prompted tells that an execution's end or a wake led to it.
func (l *loop) poll(ctx context.Context, prompted bool) {
	a := answer{trace: rpc.NewTrace()}
	ctx = rpc.WithTrace(ctx, a.trace)
	l.s.sendInfo(ctx)
	a.offered, a.err = l.s.requestTasks(ctx, prompted)
	select {
	case l.answers <- a:
	case <-ctx.Done():
	}
}

// answered takes the answer to a poll in.
func (l *loop) answered(ctx context.Context, a answer) []control.Action {
	s := l.s
	if a.err == nil {
		s.status.failed(nil)
		l.trace = a.trace
		return l.client.Offered(time.Now(), a.offered)
	}
	if ctx.Err() == nil {
		s.log.Warn("the cloud gave no list of tasks", "err", a.err)
		s.status.failed(a.err)
	}
	switch rpc.CodeOf(a.err) {
	case rpc.Unavailable, rpc.Deadline:
		s.info.doubt()
	case rpc.Unauthorized, rpc.Forbidden:
		s.info.forget()
		return l.client.Refused(time.Now())
	default:
		s.info.forget() // it may not know this client (any more)
	}
	return l.client.Unreachable(time.Now())
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
