package cloudtaskmanager

import (
	"context"
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// saveEvery is how often a task's newest result is stored at most.
const saveEvery = time.Second

// An end that could not be recorded is tried again after recordAgain, doubling to
// recordMost.
const recordAgain, recordMost = 250 * time.Millisecond, 5 * time.Second

// follow offers a task whose process is there and gives it a follower; o is nil
// for one that is not offered.
func (s *Service) follow(taskID string, o *control.Offer, proc *supervise.Process) *run {
	return s.resume(taskID, o, proc, nil)
}

// resume is follow for a process of which an earlier run of the service has decided
// how it ends; nil if it has not.
func (s *Service) resume(taskID string, o *control.Offer, proc *supervise.Process, decided *verdict) *run {
	r := newRun(taskID, s.folder(taskID), proc)
	r.decided = decided
	before := s.runs.add(r)
	if o != nil && s.shared == nil {
		s.offers.Add(o)
	}
	s.workers.Go(func() {
		defer close(r.done)
		if before != nil {
			s.discard(before)
		}
		s.read(r)
		if exit, ended := proc.Exit(); ended && !s.detaching.Load() {
			s.conclude(r, exit)
		}
	})
	return r
}

// read deals with what the process writes, until it has ended and all is read,
// or until it is left running.
func (s *Service) read(r *run) {
	var saved time.Time      // when a result was stored last
	var due <-chan time.Time // when the one that waits may be; nil if none does
	watch := launch.NewWatch(r.proc, s.opt.Stall)
	defer watch.Stop()
	for {
		select {
		case line, ok := <-r.proc.Lines():
			if !ok {
				s.save(r)
				return
			}
			watch.Line(s.deal(r, line))
			if r.unsaved && due == nil {
				due = time.After(saveEvery - time.Since(saved))
			}
		case <-due:
			s.save(r)
			saved, due = time.Now(), nil
		case <-watch.C:
			s.look(r, watch)
		}
	}
}

// deal takes one line: a report is acted on, and returned; all else is output.
// What it led to is done, or is stored, before the line is committed.
func (s *Service) deal(r *run, line supervise.Line) taskreporter.Report {
	r.seen[line.Stream] = line
	if line.Skipped > 0 {
		s.log.Warn("a task wrote faster than it was read: output is lost", "task_id", r.taskID, "stream", string(line.Stream), "bytes", line.Skipped)
	}
	if line.Stream != supervise.Stderr && !line.Cut {
		if report, ok := taskreporter.Parse([]byte(line.Text)); ok {
			s.act(r, line, report)
			s.commit(r)
			return report
		}
	}
	s.log.Debug("output of a task", "task_id", r.taskID, "stream", string(line.Stream), "text", line.Text)
	s.commit(r)
	return nil
}

// commit says that all lines so far have been dealt with, unless a result waits
// to be stored or the end to be recorded: then a service that takes over must
// read them again.
func (s *Service) commit(r *run) {
	if r.unsaved || r.verdict() != nil {
		return
	}
	s.commitSeen(r)
}

func (s *Service) commitSeen(r *run) {
	for stream, line := range r.seen {
		if err := r.proc.Commit(line); err != nil {
			s.log.Warn("a line of a task's output could not be committed", "task_id", r.taskID, "err", err)
		}
		delete(r.seen, stream)
	}
}

// save stores the newest result, if one waits.
func (s *Service) save(r *run) {
	if !r.unsaved {
		return
	}
	if err := s.store.result(context.Background(), r.taskID, r.proc.ID(), r.round, r.acc); err != nil {
		s.log.Error("the result of a task's round could not be stored", "task_id", r.taskID, "round", r.round, "err", err)
		return // the next one may fare better, and the line comes again
	}
	r.unsaved = false
	s.commit(r)
}

// conclude records how an execution ended.
func (s *Service) conclude(r *run, exit supervise.Exit) {
	v := judge(r.verdict(), exit)
	r.decide(v) // a stop that comes now finds it decided
	s.unoffer(r.taskID)
	if v.state != stateStopped { // else that was told when it was decided
		s.notify(contract.ChangeEnded, r.taskID, "")
	}
	log := s.log.With("task_id", r.taskID, "execution_id", r.proc.ID(), "state", string(v.state), "reason", v.end.reason, "detail", v.end.detail)
	recorded, err := s.recordEnd(r, v)
	switch {
	case err != nil:
		log.Error("the end of a task could not be recorded; the next run of the service will", "err", err)
	case !recorded: // and told, by another manager that took this one for dead
		s.commitSeen(r)
	default:
		s.metrics.moved(stateRunning, v.state)
		s.tellEnd(r.about(), r.proc.PID(), r.proc.StartedAt(), v, r.proc)
		s.base.Event(context.Background(), r.about(), "end_server_task", fmt.Sprintf("Server task %s: %s", v.state, v.end.reason))
		s.commitSeen(r)
	}
	s.metrics.ended.WithLabelValues(string(v.end.reason)).Inc()
	if v.state == stateFailed {
		log.Warn("a task's server failed")
	} else {
		log.Info("a task's server ended")
	}
	s.runs.end(r)
}

// recordEnd writes how an execution ended, as soon as the disk takes it: until
// then the task counts as running, though it is not offered. It gives up when the
// service stops.
func (s *Service) recordEnd(r *run, v verdict) (recorded bool, err error) {
	for pause := recordAgain; ; pause = min(2*pause, recordMost) {
		recorded, err = s.store.ended(context.Background(), r.taskID, r.proc.ID(), v.state, v.end)
		if err == nil {
			return recorded, nil
		}
		s.log.Error("the end of a task cannot be recorded now, and is tried again", "task_id", r.taskID, "execution_id", r.proc.ID(), "err", err)
		select {
		case <-s.life.Done():
			return false, err
		case <-time.After(pause):
		}
	}
}
