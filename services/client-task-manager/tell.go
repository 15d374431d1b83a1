package clienttaskmanager

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

const (
	// maxText bounds each text of a task that the history is told, in bytes.
	maxText = 4 << 10
	// maxRetold is how many ends a starting manager tells again: one that was
	// killed may have dealt with the last of them and not told.
	maxRetold = 100
	// retell is how often the client's state is told though nothing changed: a
	// record may be lost on its way, and a cloud may begin with an empty history.
	retell = 10 * time.Minute
)

// tellRunning tells the cloud's history that an execution runs. It may be told
// again when a manager takes the execution over.
func (s *Service) tellRunning(ctx context.Context, e *execution) {
	run := contract.ExecutionRun{State: contract.StateRunning, PID: e.proc.PID(), Started: unix(e.proc.StartedAt())}
	if isFromDisk(ctx) {
		run.Detail = "started from disk: the cloud did not answer"
	}
	s.tellRun(ctx, e.about(), run)
}

// tellRun tells how an execution stands. The same state of it is one record,
// however often it is told.
func (s *Service) tellRun(ctx context.Context, about contract.About, run contract.ExecutionRun) {
	run.Side = contract.SideClient
	at := run.Ended
	if at == 0 {
		at = run.Started
	}
	id := uuid.NewSHA1(uuid.Nil, []byte(about.Execution+" "+string(run.State)))
	s.base.Recorder().Tell(ctx, contract.Record{ID: id.String(), Kind: contract.RecordExecution, Time: at, About: about, Run: &run})
}

// endOf is what the history is told of an execution that has ended.
func endOf(e *execution, exit supervise.Exit, o outcome) contract.ExecutionRun {
	run := contract.ExecutionRun{
		State: contract.StateStopped, PID: e.proc.PID(), Started: unix(e.proc.StartedAt()), Ended: unix(exit.EndedAt),
		Reason: o.reason, Detail: launch.Shorten(o.detail, maxText), Quarantined: o.held,
		LastLines: launch.LastLines(e.proc),
	}
	switch o.result {
	case finished:
		run.State, run.Reason = contract.StateFinished, contract.ReasonFinished
	case failed:
		run.State = contract.StateFailed
	}
	if exit.Code >= 0 {
		run.ExitCode = &exit.Code
	}
	if exit.Signal > 0 {
		run.Signal = &exit.Signal
	}
	return run
}

// tellRound tells what a round gave on this client. The record's id is made of the
// place of the report, so that one that is read again is known.
func (s *Service) tellRound(ctx context.Context, e *execution, line supervise.Line, m taskreporter.Model) {
	if !e.rounds.Allow() {
		return
	}
	s.base.Recorder().Tell(ctx, contract.Record{ID: placeID(e, line), Kind: contract.RecordRound, About: e.about(), Round: &contract.Round{
		Side: contract.SideClient, Round: launch.Shorten(m.Round, maxText), Acc: launch.Shorten(m.Accuracy, maxText), Loss: launch.Shorten(m.Loss, maxText),
	}})
}

// placeID is the id of the record of a report, made of its place: a report that is
// read again has the same.
func placeID(e *execution, line supervise.Line) string {
	return uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s %s %d", e.proc.ID(), line.Stream, line.Offset)).String()
}

// stateTeller remembers what the history was told of the client.
type stateTeller struct {
	mu   sync.Mutex
	told *contract.ClientState
	at   time.Time
}

// tellState tells what the client does, if that changed. The states are told in
// the order in which they were.
func (s *Service) tellState(ctx context.Context) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	state := s.clientState()
	if s.state.told != nil && reflect.DeepEqual(*s.state.told, state) && time.Since(s.state.at) < retell {
		return
	}
	s.state.told, s.state.at = &state, time.Now()
	s.base.Recorder().Tell(ctx, contract.Record{Kind: contract.RecordClient, State: &state})
}
