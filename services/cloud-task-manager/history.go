package cloudtaskmanager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

const (
	// Of one task's rounds so many are told; they have a bound of their own, beside
	// that of events, since a chart with holes misleads.
	roundsPerSecond = 50
	roundsAtOnce    = 250

	// What an execution's record keeps of its output.
	lastLines     = 50
	lastLineBytes = 1 << 10

	// maxRetold is how many ends a starting service tells again: a service that was
	// killed may have recorded the last of them and not told.
	maxRetold = 100
)

func newRoundLimiter() *rate.Limiter { return rate.NewLimiter(roundsPerSecond, roundsAtOnce) }

// tellRunning tells the history that an execution runs. It may do so again.
func (s *Service) tellRunning(ctx context.Context, taskID string, p *supervise.Process) {
	s.tellRun(ctx, contract.About{Task: taskID, Execution: p.ID()},
		contract.ExecutionRun{State: stateRunning, PID: p.PID(), Started: seconds(p.StartedAt())})
}

// tellEnd tells the history how an execution ended; p is nil if nothing of it is left.
func (s *Service) tellEnd(about contract.About, pid int, started time.Time, v verdict, p *supervise.Process) {
	run := contract.ExecutionRun{
		State: v.state, PID: pid, Started: seconds(started), Ended: seconds(v.end.at),
		Reason: v.end.reason, Detail: v.end.detail, ExitCode: v.end.code, Signal: v.end.signal,
	}
	if p != nil {
		lines, _, err := lastOutput(p, lastLines)
		if err != nil {
			s.log.Warn("the last lines of an execution cannot be read", "task_id", about.Task, "execution_id", about.Execution, "err", err)
		}
		for _, line := range lines {
			run.LastLines = append(run.LastLines, cut(line, lastLineBytes))
		}
	}
	s.tellRun(context.Background(), about, run)
}

// tellRefused tells the history of a start that came to no process. The task's
// own record stays as it was, and the operator has the error.
func (s *Service) tellRefused(about contract.About, err error) {
	now, reason := time.Now(), refusalOf(err)
	s.tellEnd(about, 0, now, verdict{stateFailed, end{reason: reason, detail: bounded(err.Error()), at: now}}, nil)
	s.base.Event(context.Background(), about, "end_server_task", fmt.Sprintf("Server task %s: %s", stateFailed, reason))
}

// refusalOf is the reason of a start that was refused.
func refusalOf(err error) contract.Reason {
	switch {
	case errors.Is(err, bundle.ErrUntrusted):
		return contract.ReasonUntrusted
	case errors.Is(err, bundle.ErrContent):
		return contract.ReasonBadDigest
	case rpc.CodeOf(err) == rpc.Forbidden:
		return contract.ReasonRevoked
	}
	return launch.StartReason(err)
}

func (s *Service) tellRun(ctx context.Context, about contract.About, run contract.ExecutionRun) {
	run.Side = contract.SideServer
	s.base.Recorder().Tell(ctx, contract.Record{Kind: contract.RecordExecution, About: about, Run: &run})
}

// tellRound tells the history what a round gave. The record's id is made of the
// place of the report, so that one that is read again is known.
func (s *Service) tellRound(r *run, line supervise.Line, report taskreporter.Model) {
	if !r.rounds.Allow() {
		if !r.roundsDropped {
			s.log.Warn("a task reports more rounds than the history takes: some are dropped", "task_id", r.taskID, "per_second", roundsPerSecond)
			r.roundsDropped = true
		}
		return
	}
	s.base.Recorder().Tell(context.Background(), contract.Record{
		ID: r.placeID(line, ""), Kind: contract.RecordRound, About: r.about(),
		Round: &contract.Round{Side: contract.SideServer, Round: bounded(report.Round), Acc: bounded(report.Accuracy), Loss: bounded(report.Loss)},
	})
}

// placeID is the id of the record of a report, made of its place: a report that is
// read again has the same. which tells the records of one report apart.
func (r *run) placeID(line supervise.Line, which string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s/%s/%d%s", r.proc.ID(), line.Stream, line.Offset, which)).String()
}

// ending is an end that is recorded, of an execution whose output is kept.
type ending struct {
	task *task
	proc *supervise.Process
}

// retell tells the newest ends again.
func (s *Service) retell(ends []ending) {
	slices.SortFunc(ends, func(a, b ending) int { return cmp.Compare(b.task.end.at.UnixNano(), a.task.end.at.UnixNano()) })
	for _, e := range ends[:min(len(ends), maxRetold)] {
		about := contract.About{Task: e.task.id, Execution: e.proc.ID()}
		s.tellEnd(about, e.proc.PID(), e.proc.StartedAt(), verdict{state: e.task.state, end: e.task.end}, e.proc)
	}
}

// seconds is a time as the history counts it; 0 for none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}
