package clienttaskmanager

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// newWatch begins to watch an execution's progress. What an earlier manager told
// of one that it left is forgotten: the watch begins anew.
func (s *Service) newWatch(ctx context.Context, e *execution) *launch.Watch {
	if took := time.Since(e.proc.StartedAt()); s.opt.Stall > 0 && took > s.opt.Stall/2 {
		s.tellStalled(ctx, e, 0, time.Now())
	}
	return launch.NewWatch(e.proc, s.opt.Stall)
}

func (s *Service) endWatch(e *execution, w *launch.Watch) {
	w.Stop()
	s.status.mark(e.proc.ID(), 0)
}

// look asks how an execution does. One that makes no progress is marked, for all
// to see, and goes on; one that will make none is stopped, and tried again.
func (s *Service) look(ctx context.Context, e *execution, w *launch.Watch) {
	pulse, news := w.Look()
	since := unix(w.Since())
	if pulse == policy.Alive {
		since = 0
	}
	if news {
		text := fmt.Sprintf("Task %s makes progress again", e.task.ID)
		if since != 0 {
			text = fmt.Sprintf("Task %s is stalled: %s", e.task.ID, w.Why())
		}
		s.log.Warn("a task's progress", "task_id", e.task.ID, "execution_id", e.proc.ID(), "event", text)
		s.status.mark(e.proc.ID(), since)
		s.base.Event(ctx, e.about(), "watch_task", text)
		s.tellStalled(ctx, e, since, time.Now())
		s.tellState(ctx)
	}
	if pulse == policy.Dead {
		s.halt(ctx, e, contract.ReasonStalled, w.Why())
	}
}

// tellStalled tells the history that a running execution is, or is no more,
// stalled.
func (s *Service) tellStalled(ctx context.Context, e *execution, since float64, now time.Time) {
	s.base.Recorder().Tell(ctx, contract.Record{
		ID: uuid.NewString(), Kind: contract.RecordExecution, Time: unix(now), About: e.about(),
		Run: &contract.ExecutionRun{
			Side: contract.SideClient, State: contract.StateRunning, PID: e.proc.PID(), Started: unix(e.proc.StartedAt()), StalledSince: since,
		},
	})
}
