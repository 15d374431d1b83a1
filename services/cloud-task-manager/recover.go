package cloudtaskmanager

import (
	"context"
	"path/filepath"
	"time"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
)

// recover takes over what the last run of the service left: processes that run
// are adopted, those that ended meanwhile get their true end, and a task that is
// recorded as running and has no process is lost.
func (s *Service) recover(ctx context.Context) error {
	if err := s.countStates(ctx); err != nil {
		return err
	}
	if err := s.removeAllLeft(ctx); err != nil {
		return err
	}
	running, err := s.store.own(ctx)
	if err != nil {
		return err
	}
	procs, doubt := s.procs.Recover(ctx)
	if doubt != nil {
		s.log.Error("some executions of the last run could not be taken over", "err", doubt)
	}
	intents, err := s.store.intents(ctx)
	if err != nil {
		return err
	}
	stops, err := s.store.stops(ctx)
	if err != nil {
		return err
	}
	byExecution := map[string]*supervise.Process{}
	for _, p := range procs {
		byExecution[p.ID()] = p
	}
	var mine []string
	for _, t := range running {
		if byExecution[t.executionID] != nil {
			mine = append(mine, t.executionID)
		}
	}
	if err := s.store.claim(ctx, mine); err != nil {
		return err
	}
	for _, t := range running {
		if p := byExecution[t.executionID]; p != nil {
			delete(byExecution, t.executionID)
			why, stopping := stops[t.executionID]
			s.adopt(t, p, stopping, why)
			continue
		}
		if s.shared != nil && t.owner == "" {
			continue // of an earlier release, and of another machine
		}
		if err := s.lost(ctx, t, doubt); err != nil {
			return err
		}
	}
	var ends []ending
	for _, p := range byExecution {
		t, err := s.store.get(ctx, p.TaskID())
		if err != nil {
			return err
		}
		_, intended := intents[p.ID()]
		kept, err := s.place(ctx, t, p, intended)
		if err != nil {
			return err
		}
		delete(intents, p.ID())
		if kept {
			ends = append(ends, ending{t, p})
		}
	}
	for _, i := range intents {
		if err := s.settle(ctx, i, doubt); err != nil {
			return err
		}
	}
	s.retell(ends)
	s.endRevoked() // by a service that died before it had ended them
	return nil
}

// executionFolder is where all of an execution lies.
func (s *Service) executionFolder(id string) string {
	return filepath.Join(s.opt.Data, "server-executions", id)
}

// adopt goes on with a task that is recorded as running, also with its stop, if the
// last run of the service was stopping it. The end of a process that has ended is
// recorded when adopt returns.
func (s *Service) adopt(t *task, p *supervise.Process, stopping bool, why end) {
	var decided *verdict
	if stopping {
		decided = &verdict{state: stateStopped, end: why}
	}
	if _, ended := p.Exit(); ended {
		<-s.resume(t.id, nil, p, decided).done // reading what it left takes no longer than the files
		return
	}
	if stopping {
		s.log.Info("goes on stopping a task's server", "task_id", t.id, "execution_id", p.ID(), "pid", p.PID())
		r := s.resume(t.id, nil, p, decided)
		s.notify(contract.ChangeStopped, t.id, p.ID())
		s.workers.Go(func() {
			if err := s.stop(s.life, r, why); err != nil && s.life.Err() == nil {
				s.log.Error("a task's server could not be stopped", "task_id", t.id, "execution_id", p.ID(), "err", err)
			}
		})
		return
	}
	o, err := s.offerOf(t)
	if err != nil {
		s.log.Error("an adopted task is offered to nobody: update its criteria", "task_id", t.id, "err", err)
	}
	s.tellRunning(context.Background(), t.id, p) // before its end can be
	s.follow(t.id, o, p)
	s.log.Info("adopted a task's server", "task_id", t.id, "execution_id", p.ID(), "pid", p.PID())
}

// lost records that a task's process is not there any more.
func (s *Service) lost(ctx context.Context, t *task, doubt error) error {
	e := end{reason: contract.ReasonLost, detail: "the service found no process of it", at: time.Now()}
	if doubt != nil {
		e.detail += "; some could not be told for certain (the service's log names them), so look before you start it again"
	}
	if recorded, err := s.store.ended(ctx, t.id, t.executionID, stateFailed, e); err != nil || !recorded {
		return err
	}
	s.metrics.moved(stateRunning, stateFailed)
	s.tellEnd(contract.About{Task: t.id, Execution: t.executionID}, t.pid, t.started, verdict{stateFailed, e}, nil)
	s.metrics.ended.WithLabelValues(string(e.reason)).Inc()
	s.log.Warn("a task's server is lost", "task_id", t.id, "execution_id", t.executionID)
	return nil
}

// place deals with an execution that is not recorded as running; t is nil if its
// task is not registered, and intended tells that a start announced it. It tells
// whether this is the task's last, which is kept for its output.
func (s *Service) place(ctx context.Context, t *task, p *supervise.Process, intended bool) (kept bool, err error) {
	_, ended := p.Exit()
	server := t != nil && p.Labels()[labelRole] == roleServer
	switch {
	case server && ended && t.executionID == p.ID():
		s.keepOutput(t.id, p)
		return true, nil
	case server && s.shared != nil && t.executionID == p.ID():
		// The others took this manager for dead and recorded it as lost.
		s.log.Warn("ends a task's server that was recorded as lost while this task manager was not heard of", "task_id", t.id, "execution_id", p.ID(), "pid", p.PID())
		if err := p.Stop(ctx); err != nil {
			return false, err
		}
		s.keepOutput(t.id, p)
	case server && !ended && s.runs.get(t.id) == nil && (intended || s.shared == nil):
		// The last service died between the start and its record.
		o, err := s.offerOf(t)
		if err != nil {
			return false, err
		}
		return false, s.begin(ctx, t, o, p)
	case server && intended && s.runs.get(t.id) == nil && p.PID() != 0:
		// So did this one, and its process ran and ended since: the start took effect.
		if err := s.record(ctx, t, p, p.StartedAt()); err != nil {
			return false, err
		}
		<-s.follow(t.id, nil, p).done
	default: // a trigger, what the others gave up meanwhile, or what a start left that came to no process
		if intended {
			s.abandon(ctx, p.ID())
		}
		s.workers.Go(func() { s.discard(p) })
	}
	return false, nil
}

// keepOutput keeps an execution whose end is recorded: its output may be asked for.
func (s *Service) keepOutput(taskID string, p *supervise.Process) {
	s.runs.keep(taskID, p)
	s.workers.Go(func() {
		for range p.Lines() {
		}
	})
}

// countStates counts the tasks by state, those of other managers too.
func (s *Service) countStates(ctx context.Context) error {
	counts, err := s.store.count(ctx)
	if err != nil {
		return err
	}
	for _, st := range contract.States() {
		s.metrics.tasks.WithLabelValues(string(st)).Set(float64(counts[st]))
	}
	return nil
}
