package cloudtaskmanager

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// folder is where a task's files lie.
func (s *Service) folder(taskID string) string {
	return filepath.Join(s.work, "tasks", "task_"+taskID)
}

// command is what starts a task's server side: server.py by the interpreter, or
// else the executable file server by itself.
func (s *Service) command(t *task, arguments string) ([]string, error) {
	argv, err := launch.Program{
		Side: launch.Server, Python: s.opt.Python, Dir: s.folder(t.id), Work: s.work, Arguments: arguments,
	}.Command()
	switch {
	case errors.Is(err, launch.ErrArguments):
		return nil, rpc.Errorf(rpc.Invalid, "%w", err)
	case errors.Is(err, launch.ErrNoFolder):
		shown := strings.TrimSuffix(s.opt.Work, "/") + "/tasks/task_" + t.id // as configured: peers test for it
		return nil, rpc.Text(rpc.NotFound, contract.DirectoryMissing(shown))
	case errors.Is(err, launch.ErrNoProgram):
		return nil, rpc.Errorf(rpc.NotFound, "%w: upload it to http://%s/upload_files with the fields task_id=%s and files=@server.py, then start the task again",
			err, s.FilesAddr(), t.id)
	}
	return argv, err
}

// environ is what a task's programs find in their environment.
func (s *Service) environ(t *task, trace string) []string {
	around := s.surroundings()
	around.Host, around.Port, around.Trace = t.host, t.port, trace
	return around.Environ()
}

// surroundings are those of every task here.
func (s *Service) surroundings() launch.Surroundings {
	return launch.Surroundings{
		Side: launch.Server, Work: s.work, PythonPath: s.opt.PythonPath, Allow: s.opt.Environment, Other: s.opt.Account != nil,
	}
}

// spec is an execution of one of the task's programs.
func (s *Service) spec(t *task, executionID, role string, argv []string, trace string) supervise.Spec {
	return supervise.Spec{
		ID: executionID, TaskID: t.id, Labels: map[string]string{labelRole: role},
		Argv: argv, Dir: s.configDir(), Env: s.environ(t, trace),
		Warm: role == roleServer && launch.MayBeWarm(s.folder(t.id), launch.Server),
	}
}

// configDir is the working directory of tasks.
func (s *Service) configDir() string { return cmp.Or(s.opt.ConfigDir, ".") }

// What an execution is, for the service that adopts it.
const (
	labelRole   = "role"
	labelBundle = "bundle" // the digest of the manifest of its files, if it has one
	roleServer  = "server"
	roleTrigger = "trigger"
)

// startFailure puts a failed spawn in words for the operator.
func startFailure(t *task, err error) error {
	code := rpc.CodeOf(err) // the deadline's, if it passed
	if code == rpc.Forbidden {
		return err // it says all: the task's files may not run
	}
	if e, ok := errors.AsType[*supervise.StartError](err); ok && e.Kind == supervise.KindInvalid {
		code = rpc.Invalid
	}
	return rpc.Errorf(code, "%w", fmt.Errorf("start the server of task %s: %w", t.id, err))
}
