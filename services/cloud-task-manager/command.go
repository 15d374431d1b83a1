package cloudtaskmanager

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/internal/argv"
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
	words, err := argv.Split(arguments)
	if err != nil {
		return nil, rpc.Errorf(rpc.Invalid, "arguments: %w", err)
	}
	dir := s.folder(t.id)
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		shown := strings.TrimSuffix(s.opt.Work, "/") + "/tasks/task_" + t.id // as configured: peers test for it
		return nil, rpc.Text(rpc.NotFound, contract.DirectoryMissing(shown))
	} else if err != nil {
		return nil, err
	}
	script, program := filepath.Join(dir, "server.py"), filepath.Join(dir, "server")
	if isFile(script, 0) {
		return append([]string{s.opt.Python, script, s.work}, words...), nil
	}
	if isFile(program, 0o111) {
		return append([]string{program, s.work}, words...), nil
	}
	return nil, rpc.Errorf(rpc.NotFound, "task %s has no server.py, nor an executable file named server, in %s: "+
		"upload it to http://%s/upload_files with the fields task_id=%s and files=@server.py, then start the task again",
		t.id, dir, s.FilesAddr(), t.id)
}

// isFile tells whether path is a regular file with one of the mode bits, or with
// any if bits is 0. A link is none: the folder is filled from the network.
func isFile(path string, bits fs.FileMode) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && (bits == 0 || info.Mode()&bits != 0)
}

// environ is what a task's programs find in their environment. AGATA_TASK_ID and
// AGATA_EXECUTION_ID come from supervise.
func (s *Service) environ(t *task, trace string) []string {
	extra := []string{
		"AGATA_SIDE=server",
		"AGATA_WORK_DIR=" + s.work,
		"AGATA_SERVER_ADDRESS=" + net.JoinHostPort(t.host, strconv.Itoa(t.port)),
		"FLWR_TELEMETRY_ENABLED=0",
		"PYTHONUNBUFFERED=1",
	}
	paths := slices.Clone(s.opt.PythonPath)
	if ours := os.Getenv("PYTHONPATH"); ours != "" {
		paths = append(paths, ours)
	}
	if len(paths) > 0 {
		extra = append(extra, "PYTHONPATH="+strings.Join(paths, string(filepath.ListSeparator)))
	}
	if trace != "" {
		extra = append(extra, "TRACEPARENT="+trace)
	}
	return supervise.Environ(nil, extra...)
}

// spec is an execution of one of the task's programs.
func (s *Service) spec(t *task, executionID, role string, argv []string, trace string) supervise.Spec {
	return supervise.Spec{
		ID: executionID, TaskID: t.id, Labels: map[string]string{labelRole: role},
		Argv: argv, Dir: cmp.Or(s.opt.ConfigDir, "."), Env: s.environ(t, trace),
	}
}

// What an execution is, for the service that adopts it.
const (
	labelRole   = "role"
	roleServer  = "server"
	roleTrigger = "trigger"
)

// startFailure puts a failed spawn in words for the operator.
func startFailure(t *task, err error) error {
	code := rpc.CodeOf(err) // the deadline's, if it passed
	if e, ok := errors.AsType[*supervise.StartError](err); ok && e.Kind == supervise.KindInvalid {
		code = rpc.Invalid
	}
	return rpc.Errorf(code, "%w", fmt.Errorf("start the server of task %s: %w", t.id, err))
}
