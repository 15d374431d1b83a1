package cloudtaskmanager

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// startServerTask starts a task's server side and returns once its process is there.
func (s *Service) startServerTask(ctx context.Context, req contract.StartTaskRequest) (none contract.None, err error) {
	began := time.Now()
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.StartServerTask.Name, "Started server task initialization")
	done, err := s.turns.lock(ctx, req.TaskID)
	if err != nil {
		return none, err
	}
	defer done()
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return none, err
	}
	running, err := s.settled(ctx, t.id)
	if err != nil {
		return none, err
	}
	if t, err = s.endedElsewhere(ctx, t); err != nil {
		return none, err
	}
	if running != nil || s.elsewhere(t) {
		return none, rpc.Text(rpc.Conflict, contract.TaskAlreadyRunning(t.id))
	}
	leave, err := s.gate.enter()
	if err != nil {
		return none, err
	}
	defer leave()
	arguments := t.serverArguments
	if req.Arguments != nil {
		arguments = *req.Arguments
	}
	if err := s.start(ctx, t, arguments); err != nil {
		return none, err
	}
	about := contract.About{Task: t.id, Execution: t.executionID}
	s.metrics.starts.Observe(time.Since(began).Seconds())
	s.base.Event(ctx, about, contract.StartServerTask.Name, "Finished server task initialization")
	s.took(ctx, about, "start_task_time", began)
	return none, nil
}

// settled returns a task's execution if it runs and nothing has decided its end.
// One that is on its way out is waited for, and then there is none.
func (s *Service) settled(ctx context.Context, taskID string) (*run, error) {
	r := s.runs.get(taskID)
	if r == nil || r.verdict() == nil {
		return r, nil
	}
	select {
	case <-r.done:
		return nil, nil
	case <-ctx.Done():
		return nil, rpc.Errorf(rpc.Deadline, "task %s is ending, and has not ended in time: %w", taskID, context.Cause(ctx))
	}
}

// start spawns the process, then records it, then offers the task.
func (s *Service) start(ctx context.Context, t *task, arguments string) error {
	command, err := s.command(t, arguments)
	if err != nil {
		return err
	}
	o, err := s.offerOf(t)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an execution id: %w", err)
	}
	spec := s.spec(t, id.String(), roleServer, command, rpc.TraceFrom(ctx))
	err = s.patient(ctx, t.id, func() error { return s.store.intend(ctx, t.id, id.String()) })
	if code := rpc.CodeOf(err); code == rpc.Conflict || code == rpc.NotFound {
		return err // in the wire's words
	}
	if err != nil {
		return fmt.Errorf("announce the start of task %s: %w", t.id, err)
	}
	proc, err := s.spawn(ctx, t, spec)
	if err != nil {
		s.abandon(ctx, id.String())
		s.tellRefused(contract.About{Task: t.id, Execution: id.String()}, err)
		return startFailure(t, err)
	}
	if err := s.begin(ctx, t, o, proc); err != nil {
		// An execution that the record does not know must not go on.
		s.discard(proc)
		s.abandon(ctx, proc.ID())
		return err
	}
	s.endRevoked() // if it was while it started
	s.log.Info("started a task's server", "task_id", t.id, "execution_id", proc.ID(), "pid", proc.PID(), "warm", proc.Warm())
	return nil
}

// spawn starts a process of a task's, after the last look at its files.
func (s *Service) spawn(ctx context.Context, t *task, spec supervise.Spec) (*supervise.Process, error) {
	if err := s.opt.Account.Reach(s.folder(t.id)); err != nil {
		return nil, err
	}
	digest, err := s.verify(t.id)
	if err != nil {
		return nil, err
	}
	spec.Labels[labelBundle] = digest
	return s.procs.Start(ctx, spec)
}

// abandon forgets a start that came to nothing. If it fails, the next run of the
// service finds no process of it.
func (s *Service) abandon(ctx context.Context, executionID string) {
	if err := s.store.abandon(ctx, executionID); err != nil {
		s.log.Warn("a start that failed is still announced", "execution_id", executionID, "err", err)
	}
}

// begin makes a process its task's execution: in the record, in memory, on offer,
// and followed.
func (s *Service) begin(ctx context.Context, t *task, o *control.Offer, proc *supervise.Process) error {
	if err := s.record(ctx, t, proc, time.Now()); err != nil {
		return err
	}
	o.Task.Execution = s.execution(proc.ID())
	s.follow(t.id, o, proc)
	s.notify(contract.ChangeStarted, t.id, "")
	return nil
}

// record writes down, and tells, that a process is its task's execution since then.
func (s *Service) record(ctx context.Context, t *task, proc *supervise.Process, since time.Time) error {
	before := t.state
	t.state, t.executionID, t.pid, t.modified = stateRunning, proc.ID(), proc.PID(), since
	// The process is there, whether or not the caller still waits.
	if err := s.store.started(context.WithoutCancel(ctx), t); err != nil {
		return fmt.Errorf("record that task %s runs: %w", t.id, err)
	}
	s.metrics.moved(before, stateRunning)
	s.tellRunning(ctx, t.id, proc) // before its end can be
	return nil
}

// stopServerTask stops a task's server side and returns once it has ended.
func (s *Service) stopServerTask(ctx context.Context, req contract.TaskIDRequest) (none contract.None, err error) {
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.StopServerTask.Name, "Started stopping server task")
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return none, err
	}
	if s.elsewhere(t) {
		return forward(ctx, s, t, contract.StopServerTask, req)
	}
	call, _ := baseservice.CallFrom(ctx)
	return none, s.stopHere(ctx, req.TaskID, call)
}

// stopHere stops a task's server side that runs here, for a call.
func (s *Service) stopHere(ctx context.Context, taskID string, call baseservice.Call) error {
	done, err := s.turns.lock(ctx, taskID)
	if err != nil {
		return err
	}
	defer done()
	r, err := s.settled(ctx, taskID)
	if err != nil {
		return err
	}
	if r == nil {
		// What an earlier run of the service began for this call may have ended just now.
		if _, took, err := s.store.calls.Recall(ctx, call); err != nil || took {
			return err
		}
		return rpc.Text(rpc.NotFound, contract.TaskNotFound(taskID))
	}
	if err := s.stop(ctx, r, end{reason: contract.ReasonOperatorStop, detail: "it was asked to stop", call: call}); err != nil {
		return err
	}
	// One that had ended by itself just then was not stopped by this call.
	if err := s.store.remember(context.WithoutCancel(ctx), call); err != nil {
		s.log.Warn("a stop may be carried out again", "task_id", taskID, "err", err)
	}
	s.base.Event(ctx, r.about(), contract.StopServerTask.Name, "Finished stopping server task")
	return nil
}

// stop ends an execution and waits until that is recorded.
func (s *Service) stop(ctx context.Context, r *run, why end) error {
	decided := r.decide(verdict{state: stateStopped, end: why})
	s.unoffer(r.taskID)
	if decided {
		s.notify(contract.ChangeStopped, r.taskID, r.proc.ID())
		if err := s.store.stopping(context.WithoutCancel(ctx), r.taskID, r.proc.ID(), why); err != nil {
			s.log.Warn("a service that starts during this stop will not know of it", "task_id", r.taskID, "execution_id", r.proc.ID(), "err", err)
		}
	}
	if err := r.proc.Stop(ctx); err != nil {
		return rpc.Errorf(rpc.Deadline, "task %s: %w", r.taskID, err)
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return rpc.Errorf(rpc.Deadline, "task %s has ended, but that is not recorded yet: %w", r.taskID, context.Cause(ctx))
	}
}

// discard ends an execution that nobody wants and deletes its files.
func (s *Service) discard(proc *supervise.Process) {
	err := proc.Stop(context.Background())
	if err == nil {
		err = proc.Remove()
	}
	if err != nil {
		s.log.Error("an execution could not be discarded", "task_id", proc.TaskID(), "execution_id", proc.ID(), "err", err)
	}
}
