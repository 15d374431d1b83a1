package clienttaskmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// exitTemporary is how a task says that not it, but something that it needs,
// failed: its server is away. EX_TEMPFAIL of sysexits.
const exitTemporary = 75

// watch follows an execution to its end. Reports are hints; the exit is the
// truth: a task that ends without Finished or error has failed.
func (s *Service) watch(ctx context.Context, e *execution) outcome {
	o := outcome{taskID: e.task.ID, result: failed}
	if err := s.endIfRevoked(ctx, e.proc); err != nil { // while it was started, or before it was adopted
		s.log.Error("a revoked task's processes could not all be ended", "execution_id", e.proc.ID(), "err", err)
	}
	decided := s.read(ctx, e, &o)
	exit, known := e.proc.Exit()
	if !known { // detached: the next manager goes on
		return outcome{taskID: e.task.ID, result: ended}
	}
	if !decided {
		s.concluded(ctx, e, exit, &o)
	}
	run := endOf(e, exit, o)
	s.tellRun(ctx, e.about(), run)
	s.tidy(e, run)
	return o
}

// read takes in what an execution writes until it has ended, and looks meanwhile
// whether it makes progress. True: a report decided its fate.
func (s *Service) read(ctx context.Context, e *execution, o *outcome) (decided bool) {
	watch := s.newWatch(ctx, e)
	defer s.endWatch(e, watch)
	for {
		select {
		case line, more := <-e.proc.Lines():
			if !more {
				return decided
			}
			report, ok := taskreporter.Report(nil), false
			if line.Stream != supervise.Stderr {
				report, ok = taskreporter.Parse([]byte(line.Text))
			}
			watch.Line(report)
			if !ok {
				s.log.Debug("task output", "task_id", e.task.ID, "stream", line.Stream, "text", line.Text)
			} else if !decided {
				decided = s.act(ctx, e, line, report, o)
			}
			if err := e.proc.Commit(line); err != nil {
				s.log.Warn("the place in a task's output was not saved", "task_id", e.task.ID, "err", err)
			}
		case <-watch.C:
			s.look(ctx, e, watch)
		}
	}
}

// handledMark is a file in the folder of an execution whose end has been dealt
// with: the folder stays, for its logs, and its end must not be taken in again.
// It holds what the cloud's history is told of the execution.
const handledMark = "handled"

// handled tells whether an execution's end has been dealt with, and how it was.
func handled(p *supervise.Process) (run contract.ExecutionRun, over bool) {
	b, err := os.ReadFile(filepath.Join(p.Folder(), handledMark))
	if err != nil {
		return run, false
	}
	if json.Unmarshal(b, &run) != nil { // of an earlier version
		run = contract.ExecutionRun{}
	}
	return run, true
}

func markHandled(p *supervise.Process, run contract.ExecutionRun) error {
	b, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("encode the end of an execution: %w", err)
	}
	return os.WriteFile(filepath.Join(p.Folder(), handledMark), b, 0o600)
}

// act takes in one report; true means that the execution's fate is decided.
func (s *Service) act(ctx context.Context, e *execution, line supervise.Line, report taskreporter.Report, o *outcome) bool {
	id := e.task.ID
	switch r := report.(type) {
	case taskreporter.Error:
		o.reason, o.detail = contract.ReasonReportError, r.Exception
		s.handleError(ctx, e, o)
		return true
	case taskreporter.Info:
		if r.Text != taskreporter.Finished {
			s.log.Info("task", "task_id", id, "info", r.Text)
			return false
		}
		started := time.Now()
		s.base.Event(ctx, e.about(), "finish_task", fmt.Sprintf("Started handling task %s finalization", id))
		s.stop(ctx, e.proc)
		s.base.Event(ctx, e.about(), "finish_task", fmt.Sprintf("Finished handling task %s finalization", id))
		s.base.Event(ctx, e.about(), "finish_task_time", nanoseconds(started))
		s.log.Info("a task finished", "task_id", id)
		s.quarantine.succeed(policy.Key{Task: id, Digest: e.digest})
		o.result = finished
		return true
	case taskreporter.Event:
		if !e.mayTell.Allow() {
			return false // one task must not fill the timeline
		}
		s.base.Recorder().ForwardAs(ctx, placeID(e, line), e.about(), contract.Event{
			Time: float64(r.Time.UnixNano()) / 1e9, Service: r.Service, Function: r.Function, Event: r.Text,
		})
	case taskreporter.Model:
		s.log.Info("task", "task_id", id, "round", r.Round, "acc", r.Accuracy, "loss", r.Loss)
		s.tellRound(ctx, e, line, r)
	case taskreporter.Print:
		s.log.Info("task", "task_id", id, "print", r.Message)
	case taskreporter.Trigger:
		s.log.Warn("a client's task asked for a trigger, which only servers have", "task_id", id, "trigger", r.Name)
	}
	return false
}

// handleError stops a failed task and keeps it from running again, if its
// reason says so.
func (s *Service) handleError(ctx context.Context, e *execution, o *outcome) {
	s.base.Event(ctx, e.about(), "handle_error_from_task", "Started handling error from task "+e.task.ID)
	s.stop(ctx, e.proc)
	o.held = s.quarantine.fail(policy.Key{Task: e.task.ID, Digest: e.digest}, o.reason)
	s.base.Event(ctx, e.about(), "handle_error_from_task", "Finished handling error from task "+e.task.ID)
}

// concluded reads the fate of an execution that said nothing from its exit.
func (s *Service) concluded(ctx context.Context, e *execution, exit supervise.Exit, o *outcome) {
	switch {
	case s.revoked.check(e.proc.Labels()[labelBundle]) != nil && (exit.Reason == supervise.ReasonStopped || exit.Reason == supervise.ReasonLost):
		o.result, o.reason, o.detail = ended, contract.ReasonRevoked, errRevoked.Error()
		return
	case exit.Reason == supervise.ReasonStopped:
		o.reason, o.detail = e.stopReason()
		if policy.ClassOf(o.reason) == policy.Operator {
			o.result = ended
		} else {
			s.handleError(ctx, e, o)
		}
		return
	case exit.Code == exitTemporary:
		o.reason = contract.ReasonServerUnreachable
	default: // without Finished even a good exit is a failure
		o.reason = exit.Reason
	}
	o.detail = launch.Describe(exit)
	s.handleError(ctx, e, o)
}

// halt is why this manager stops an execution.
type halt struct {
	reason policy.Reason
	detail string
}

// stopReason is why an execution was stopped, as far as anybody here knows.
func (e *execution) stopReason() (policy.Reason, string) {
	switch why := e.halted.Load(); {
	case why != nil:
		return why.reason, why.detail
	case e.gone.Load():
		return contract.ReasonWithdrawn, "the cloud offers the task no more"
	}
	return contract.ReasonServiceStop, "the client's task manager stopped"
}

// halt stops an execution for a reason, which becomes that of its end. The first
// reason counts.
func (s *Service) halt(ctx context.Context, e *execution, reason policy.Reason, detail string) {
	e.halted.CompareAndSwap(nil, &halt{reason, detail})
	s.stop(ctx, e.proc)
}

// stop ends a process and waits until it is gone.
func (s *Service) stop(ctx context.Context, p *supervise.Process) {
	if err := p.Stop(context.WithoutCancel(ctx)); err != nil {
		s.log.Error("a task's processes could not all be stopped", "execution_id", p.ID(), "err", err)
	}
}

// tidy keeps the newest ended execution of a task, for its logs, and removes
// the ones before.
func (s *Service) tidy(e *execution, run contract.ExecutionRun) {
	if err := markHandled(e.proc, run); err != nil {
		s.log.Warn("the end of an execution may be taken in again after a restart", "execution_id", e.proc.ID(), "err", err)
	}
	for _, p := range s.procs.Processes() {
		if p.TaskID() != e.task.ID || p.ID() == e.proc.ID() {
			continue
		}
		if _, over := p.Exit(); over {
			if err := p.Remove(); err != nil {
				s.log.Warn("an old execution was not removed", "execution_id", p.ID(), "err", err)
			}
		}
	}
}

// detach leaves what runs to the next manager.
func (s *Service) detach() {
	if err := s.procs.Close(); err != nil {
		s.log.Warn("the task manager did not let go cleanly", "err", err)
	}
}
