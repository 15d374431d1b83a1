package cloudtaskmanager

import (
	"context"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// look asks how a server does, and marks one that makes no progress for all to
// see. It is not stopped: a server waits for its clients, who come and go, and
// nobody would start it again. That is an operator's to decide.
func (s *Service) look(r *run, w *launch.Watch) {
	pulse, news := w.Look()
	if r.verdict() != nil {
		return
	}
	since, text := 0.0, "Server task makes progress again"
	if pulse != policy.Alive {
		since, text = seconds(w.Since()), "Server task is stalled: "+w.Why()
	}
	if (since == 0) != (r.stalled == 0) {
		if err := s.store.stalls(context.Background(), r.taskID, r.proc.ID(), since); err != nil {
			s.log.Error("a task's progress cannot be recorded now, and is tried again", "task_id", r.taskID, "execution_id", r.proc.ID(), "err", err)
		} else {
			r.stalled = since
		}
	}
	if !news {
		return
	}
	s.log.Warn("a task's progress", "task_id", r.taskID, "execution_id", r.proc.ID(), "event", text)
	s.base.Event(context.Background(), r.about(), "watch_server_task", text)
	s.tellRun(context.Background(), r.about(), contract.ExecutionRun{
		State: stateRunning, PID: r.proc.PID(), Started: seconds(r.proc.StartedAt()), StalledSince: since,
	})
}
