package cloudtaskmanager

import (
	"context"
	"fmt"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// act does what a task's report, which stood in line, asks for.
func (s *Service) act(r *run, line supervise.Line, report taskreporter.Report) {
	switch report := report.(type) {
	case taskreporter.Info:
		if report.Text == taskreporter.Finished {
			s.finish(r, verdict{state: stateFinished, end: end{reason: contract.ReasonFinished, detail: "it reported Finished"}})
			return
		}
		s.log.Info("a task says", "task_id", r.taskID, "info", report.Text)
	case taskreporter.Error:
		s.finish(r, verdict{state: stateFailed, end: end{reason: contract.ReasonReportError, detail: bounded(report.Exception)}})
	case taskreporter.Model:
		r.round, r.acc, r.unsaved = bounded(report.Round), bounded(report.Accuracy), true
		s.tellRound(r, line, report)
		if s.mayTell(r) {
			s.base.Recorder().ForwardAs(context.Background(), r.placeID(line, "/model"), r.about(),
				contract.Event{Function: "model", Event: fmt.Sprintf("Round %s accuracy %s", r.round, r.acc)})
		}
	case taskreporter.Print:
		s.log.Info("a task prints", "task_id", r.taskID, "message", report.Message)
	case taskreporter.Event:
		if s.mayTell(r) {
			s.base.Recorder().ForwardAs(context.Background(), r.placeID(line, ""), r.about(), contract.Event{Time: float64(report.Time.UnixMicro()) / 1e6,
				Service: report.Service, Function: report.Function, Event: report.Text})
		}
	case taskreporter.Trigger:
		// Committed first: a trigger that was cut short is not run a second time.
		s.save(r)
		s.commit(r)
		s.trigger(r, report)
	}
}

// finish ends an execution because of what it reported.
func (s *Service) finish(r *run, v verdict) {
	if !r.decide(v) {
		return // it is being stopped already
	}
	s.unoffer(r.taskID)
	if s.shared != nil {
		if err := s.store.finishing(context.Background(), r.taskID, r.proc.ID()); err != nil {
			s.log.Warn("a task that reported its end is offered until it has ended", "task_id", r.taskID, "err", err)
		}
	}
	// What it writes meanwhile waits in its files. If this service leaves before
	// the end, the stop goes on without it and the report comes again.
	if err := r.proc.Stop(context.Background()); err != nil {
		s.log.Warn("a task that reported its end could not be stopped", "task_id", r.taskID, "err", err)
	}
}

// mayTell keeps one task from filling the timeline.
func (s *Service) mayTell(r *run) bool {
	if r.events.Allow() {
		return true
	}
	if !r.dropped {
		s.log.Warn("a task sends more events than the timeline takes: some are dropped", "task_id", r.taskID, "per_second", launch.EventsPerSecond)
		r.dropped = true
	}
	return false
}
