package clienttaskmanager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// launch fetches a task's files and starts its client side. A task in
// quarantine (again) is fetched only to see whether its files are new, which
// puts nothing on the timeline.
func (s *Service) launch(ctx context.Context, t contract.OfferedTask, again bool) outcome {
	started := time.Now()
	if !again {
		s.base.Event(ctx, contract.About{Task: t.ID}, "_run_task_one_policy", "Started downloading task")
	}
	files, bundle, err := s.fetch(ctx, t)
	if err != nil {
		return s.refuse(ctx, policy.Key{Task: t.ID}, started, s.verdict(err, fetchReason(err)), err)
	}
	key := policy.Key{Task: t.ID, Digest: digest(files, t.ClientArguments)}
	if !again {
		s.base.Event(ctx, contract.About{Task: t.ID}, "_run_task_one_policy", "Finished downloading task")
		s.base.Event(ctx, contract.About{Task: t.ID}, "download_task_time", nanoseconds(started))
	}
	if s.quarantine.holds(key) {
		return outcome{taskID: t.ID, result: kept}
	}
	s.quarantine.succeed(policy.Key{Task: t.ID}) // the download did
	proc, err := s.start(ctx, t, key.Digest, bundle)
	if err != nil {
		return s.refuse(ctx, key, started, s.verdict(err, launch.StartReason(err)), err)
	}
	s.attempts.succeeded(t.ID)
	e := newExecution(t, key.Digest, proc)
	s.tellRunning(ctx, e)
	return outcome{taskID: t.ID, result: launched, exec: e}
}

// Labels of an execution, for a manager that takes it over.
const (
	labelDigest = "digest"
	labelTrace  = "trace"  // the traceparent of the poll that led to it
	labelBundle = "bundle" // the digest of the manifest of its files, if it has one
)

// surroundings are those of every task here.
func (o Options) surroundings() launch.Surroundings {
	return launch.Surroundings{
		Side: launch.Client, Work: o.Work, ClientID: o.UserID, PythonPath: o.PythonPath, Allow: o.Environment, Other: o.Account != nil,
	}
}

func (s *Service) taskDir(id string) string {
	return filepath.Join(s.opt.Work, "tasks", "task_"+id)
}

func (s *Service) start(ctx context.Context, t contract.OfferedTask, digest, bundle string) (*supervise.Process, error) {
	started := time.Now()
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make an execution id: %w", err)
	}
	about := contract.About{Task: t.ID, Execution: id.String()}
	s.base.Event(ctx, about, "start_client_task", "Started client task initialization")
	program := launch.Program{Side: launch.Client, Python: s.opt.Python, Dir: s.taskDir(t.ID), Work: s.opt.Work}
	if t.ClientArguments != nil {
		program.Arguments = *t.ClientArguments
	}
	command, err := program.Command()
	if err != nil {
		return nil, err
	}
	around := s.opt.surroundings()
	around.Host, around.Port, around.Trace = t.Host, t.Port, rpc.TraceFrom(ctx)
	if err := s.opt.Account.Reach(program.Dir); err != nil {
		return nil, err
	}
	if bundle, err = s.verify(t, bundle); err != nil { // the last thing before the start
		return nil, err
	}
	p, err := s.procs.Start(ctx, supervise.Spec{
		ID: id.String(), TaskID: t.ID, Labels: map[string]string{labelDigest: digest, labelTrace: rpc.TraceFrom(ctx), labelBundle: bundle},
		Argv: command, Dir: s.opt.ConfigDir, Env: around.Environ(), Grace: s.opt.Grace,
		Warm: launch.MayBeWarm(program.Dir, launch.Client),
	})
	if err != nil {
		return nil, err
	}
	s.base.Event(ctx, about, "start_client_task", "Finish client task initialization")
	s.base.Event(ctx, about, "start_client_task_time", nanoseconds(started))
	s.log.Info("started a task", "task_id", t.ID, "execution_id", p.ID(), "pid", p.PID(), "warm", p.Warm())
	return p, nil
}

// digest names what a client would run: the content of its files, and the
// arguments, since an operator may mend a task with either.
func digest(files []artifact.File, arguments *string) string {
	h := sha256.New()
	for _, f := range files {
		_, _ = fmt.Fprintf(h, "%q %s\n", f.Path, f.SHA256)
	}
	if arguments != nil {
		_, _ = io.WriteString(h, *arguments)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func nanoseconds(since time.Time) string {
	return strconv.FormatInt(time.Since(since).Nanoseconds(), 10)
}
