package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// newManager gives a manager on a fresh folder that ends all it started.
func newManager(t testing.TB) *Manager {
	t.Helper()
	return openManager(t, t.TempDir())
}

func openManager(t testing.TB, dir string) *Manager {
	t.Helper()
	m, err := New(Options{Dir: dir, Grace: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for _, p := range m.Processes() {
			_ = p.Stop(ctx)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func start(t testing.TB, m *Manager, spec Spec) *Process {
	t.Helper()
	if spec.ID == "" {
		spec.ID = "x"
	}
	p, err := m.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sh(script string) []string { return []string{"sh", "-c", script} }

// collect reads all lines until the end.
func collect(t testing.TB, p *Process) []Line {
	t.Helper()
	var lines []Line
	timeout := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-p.Lines():
			if !ok {
				return lines
			}
			lines = append(lines, line)
		case <-timeout:
			t.Fatalf("lines of %s do not end; %d so far", p.ID(), len(lines))
		}
	}
}

func texts(lines []Line, s Stream) []string {
	var out []string
	for _, l := range lines {
		if l.Stream == s {
			out = append(out, l.Text)
		}
	}
	return out
}

func waitDone(t testing.TB, p *Process) Exit {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not end", p.ID())
	}
	exit, ended := p.Exit()
	if !ended {
		t.Fatalf("%s is done but has not ended", p.ID())
	}
	return exit
}

func waitStopped(t testing.TB, p *Process) Exit {
	t.Helper()
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return waitDone(t, p)
}

// gone says whether no process with this pid runs; a zombie does not.
func gone(pid int) bool { return !shim.Identify(pid).Alive() }

func waitGone(t testing.TB, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !gone(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d does not end", pid)
		}
	}
}

func zombiesOf(parent int) []int {
	var zombies []int
	for _, pid := range shim.Processes() {
		if stat, err := shim.ReadStat(pid); err == nil && stat.Parent == parent && stat.State == 'Z' {
			zombies = append(zombies, pid)
		}
	}
	return zombies
}

// shimOf is the pid of a task's shim.
func shimOf(t testing.TB, task int) int {
	t.Helper()
	stat, err := shim.ReadStat(task)
	if err != nil {
		t.Fatal(err)
	}
	return stat.Parent
}

// pidLine reads a line that holds a pid.
func pidLine(t testing.TB, p *Process) int {
	t.Helper()
	pid, err := strconv.Atoi((<-p.Lines()).Text)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// switches counts the context switches of all threads of a process.
func switches(t testing.TB, pid int) (n int) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, task.Name()))
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, "ctxt_switches:") {
				count, _ := strconv.Atoi(strings.Fields(line)[1])
				n += count
			}
		}
	}
	return n
}
