package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/agata-fl/agata/internal/argv"
)

// Side is the side of a task that runs.
type Side string

// The sides. Their names are those of their programs.
const (
	Server Side = "server"
	Client Side = "client"
)

// Errors of [Command].
var (
	ErrNoFolder  = errors.New("the task's folder does not exist")
	ErrNoProgram = errors.New("the task has no program for this side")
	ErrArguments = errors.New("the arguments cannot be split into words")
)

// Program says what to run.
type Program struct {
	Side      Side
	Python    string // interpreter
	Dir       string // of the task's files
	Work      string // passed as the first argument
	Arguments string // split as a shell splits words, by no shell
}

// Command is `python3 <dir>/<side>.py <work> ARGS...` or, of a task that needs
// no Python, `<dir>/<side> <work> ARGS...`. Files come without a mode over the
// network, so that program is made executable.
func (p Program) Command() ([]string, error) {
	words, err := argv.Split(p.Arguments)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArguments, err)
	}
	if info, err := os.Stat(p.Dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%w: %s", ErrNoFolder, p.Dir)
	} else if err != nil {
		return nil, err
	}
	script, program := filepath.Join(p.Dir, string(p.Side)+".py"), filepath.Join(p.Dir, string(p.Side))
	head := []string{p.Python, script}
	if !IsFile(script) {
		if !IsFile(program) {
			return nil, fmt.Errorf("%w: neither %s.py nor a program %s is in %s", ErrNoProgram, p.Side, p.Side, p.Dir)
		}
		if err := os.Chmod(program, 0o755); err != nil {
			return nil, fmt.Errorf("make the task's program executable: %w", err)
		}
		head = []string{program}
	}
	return append(append(head, p.Work), words...), nil
}

// IsFile tells whether path is a regular file. A link is none: the folder is
// filled from the network.
func IsFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}
