package clienttaskmanager

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// adopt takes over what an earlier manager left running.
func (l *loop) adopt(ctx context.Context) error {
	procs, err := l.s.procs.Recover(ctx)
	if err != nil {
		// What is in doubt is never started a second time; the rest goes on.
		l.s.log.Error("some executions could not be taken over", "err", err)
	}
	// What runs first: an end that could not be marked as dealt with must not hide it.
	slices.SortStableFunc(procs, func(a, b *supervise.Process) int { return cmp.Compare(over(a), over(b)) })
	var ends []func()
	now := time.Now()
	for _, p := range procs {
		e := newExecution(contract.OfferedTask{ID: p.TaskID()}, p.Labels()[labelDigest], p)
		if e.task.ID == "" {
			return fmt.Errorf("execution %s names no task", p.ID())
		}
		if run, over := handled(p); over {
			if run.State != "" {
				ends = append(ends, func() { l.s.tellRun(ctx, e.about(), run) })
				l.client.Recall(now, time.UnixMilli(int64(run.Ended*1e3)), outcomeOf(e.task.ID, run))
			}
			continue
		}
		if !l.client.Adopt(e.task.ID, p.ID()) {
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

// over orders what has ended behind what runs.
func over(p *supervise.Process) int {
	if _, ended := p.Exit(); ended {
		return 1
	}
	return 0
}

// outcomeOf reads what became of an execution from what the history is told of it.
func outcomeOf(task string, run contract.ExecutionRun) control.Outcome {
	o := control.Outcome{Task: task, Result: control.Stopped, Reason: policy.Reason(run.Reason), Held: run.Quarantined}
	switch run.State {
	case "finished":
		o.Result = control.Finished
	case "failed":
		o.Result = control.Failed
	}
	return o
}
