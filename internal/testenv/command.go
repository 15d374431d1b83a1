package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// buildTime is how long the command may take to be built, on a machine that is
// busy with anything.
const buildTime = 10 * time.Minute

// Command is the command agata, for tests that run it as processes of their own.
// It is built when a test first asks for it, without the race detector: many of it
// run, and what it costs is measured. The zero Command is ready; it must not be
// copied.
type Command struct {
	once sync.Once
	dir  string // that it was built into
	path string
	err  error
}

// Path is where the command is.
func (c *Command) Path(t testing.TB) string {
	t.Helper()
	c.once.Do(func() { c.path, c.err = c.build() })
	if c.err != nil {
		t.Fatal(c.err)
	}
	return c.path
}

func (c *Command) build() (path string, err error) {
	if c.dir, err = os.MkdirTemp("", "agata-built-"); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	path = filepath.Join(c.dir, "agata")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/agata-fl/agata/cmd/agata").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the command agata: %w\n%s", err, out)
	}
	return path, nil
}

// Main runs a package's tests, removes the command, and looks for goroutines that
// were left behind. What it returns is for [os.Exit].
func (c *Command) Main(m *testing.M) int {
	code := m.Run()
	var err error
	if c.dir != "" {
		err = os.RemoveAll(c.dir)
	}
	if code == 0 {
		err = errors.Join(err, goleak.Find())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}
