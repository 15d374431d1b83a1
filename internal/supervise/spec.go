package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// Limits bounds a process; see the fields.
type Limits = shim.Limits

// Spec says what to run.
type Spec struct {
	ID     string            // of this execution; 1..128 of A-Z a-z 0-9 . _ -, not beginning with a dot
	TaskID string            // of the task it belongs to; may be empty
	Labels map[string]string // kept with the execution, for the one who adopts it
	Argv   []string          // Argv[0] without a slash is looked up in the PATH of Env
	Dir    string            // working directory; "": the manager's
	Env    []string          // nil: Environ(nil); the AGATA_ variables are added
	Grace  time.Duration     // from SIGTERM to SIGKILL; 0: Options.Grace
	Limits Limits            // those that are 0 are as in Options.Limits
	Warm   bool              // it may be run by the interpreter of Options.Warm, if the rest fits
}

var validID = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// complete checks a spec and fills in what it left out.
func (m *Manager) complete(spec Spec) (shim.Spec, StartErrorKind, error) {
	var none shim.Spec
	if !validID.MatchString(spec.ID) {
		return none, KindInvalid, errors.New("the id must be 1 to 128 of A-Z a-z 0-9 . _ - and not begin with a dot")
	}
	if len(spec.Argv) == 0 || spec.Argv[0] == "" {
		return none, KindInvalid, errors.New("no program is named: Argv is empty")
	}
	if spec.Grace < 0 {
		return none, KindInvalid, fmt.Errorf("the grace %v is negative", spec.Grace)
	}
	dir, err := filepath.Abs(spec.Dir)
	if err != nil {
		return none, KindFolderMissing, err
	}
	if info, err := os.Stat(dir); err != nil {
		return none, KindFolderMissing, fmt.Errorf("the working directory: %w", err)
	} else if !info.IsDir() {
		return none, KindFolderMissing, fmt.Errorf("the working directory %s is not a folder", dir)
	}
	env := spec.Env
	if env == nil {
		env = Environ(nil)
	}
	env = setEnv(env, EnvExecutionID+"="+spec.ID, EnvReports+"="+shim.ReportsPath(m.folder(spec.ID)))
	if spec.TaskID != "" {
		env = setEnv(env, EnvTaskID+"="+spec.TaskID)
	}
	texts := slices.Concat(env, spec.Argv, []string{spec.TaskID, dir},
		slices.Collect(maps.Keys(spec.Labels)), slices.Collect(maps.Values(spec.Labels)))
	if slices.ContainsFunc(texts, func(s string) bool { return strings.ContainsRune(s, 0) }) {
		return none, KindInvalid, errors.New("an argument, variable or label holds a NUL byte")
	}
	path, err := lookUp(spec.Argv[0], dir, env, m.opts.Account)
	if err != nil {
		return none, KindInterpreterNotFound, err
	}
	if err := m.opts.Account.Reach(dir); err != nil {
		return none, KindNotPermitted, fmt.Errorf("the working directory: %w", err)
	}
	if err := m.opts.Account.Reach(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return none, KindNotPermitted, fmt.Errorf("the program: %w", err)
	}
	full := shim.Spec{
		ID: spec.ID, TaskID: spec.TaskID, Labels: spec.Labels, Path: path, Argv: spec.Argv, Dir: dir,
		Env: env, Grace: spec.Grace, Linger: linger, Limits: m.limits(spec.Limits), Account: m.opts.Account.ids(),
	}
	if full.Grace == 0 {
		full.Grace = m.opts.Grace
	}
	return full, "", nil
}

// lookUp finds the program as a shell of the account in dir with env would.
func lookUp(program, dir string, env []string, account *Account) (string, error) {
	if strings.Contains(program, "/") {
		if !filepath.IsAbs(program) {
			program = filepath.Join(dir, program)
		}
		return program, nil // exec answers whether it is there
	}
	for _, entry := range env {
		list, ok := strings.CutPrefix(entry, "PATH=")
		if !ok {
			continue
		}
		for _, folder := range filepath.SplitList(list) {
			if !filepath.IsAbs(folder) {
				folder = filepath.Join(dir, folder)
			}
			path := filepath.Join(folder, program)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && unix.Access(path, unix.X_OK) == nil && account.Reach(path) == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%q is not in the PATH of the task: install it, or name it with its folder", program)
}
