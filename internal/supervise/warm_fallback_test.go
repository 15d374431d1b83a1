package supervise

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// What keeps an interpreter from its task leads to a new one, and to no second copy.
func TestWarmFallsBack(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	program := "import os\nwith open(" + `"` + count + `"` + ", 'a') as f: f.write('x')\n"
	for name, spoil := range map[string]func(t *testing.T, m *Manager, path string) (waits bool){
		"it has ended": func(t *testing.T, m *Manager, _ string) bool {
			pid := interpreterOf(t, m)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			waitGone(t, pid)
			return false
		},
		"it is stuck": func(t *testing.T, m *Manager, _ string) bool {
			_ = syscall.Kill(interpreterOf(t, m), syscall.SIGSTOP)
			return true
		},
		"its shim has ended": func(t *testing.T, m *Manager, _ string) bool {
			pid := interpreterOf(t, m)
			_ = syscall.Kill(shimOf(t, pid), syscall.SIGKILL)
			waitGone(t, pid)
			return false
		},
		"a module of the task's is one that was imported": func(t *testing.T, m *Manager, path string) bool {
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "json.py"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return false
		},
		"a package of the task's is one that was imported": func(t *testing.T, m *Manager, path string) bool {
			if err := os.Mkdir(filepath.Join(filepath.Dir(path), "json"), 0o700); err != nil {
				t.Fatal(err)
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			_ = os.Remove(count)
			m := openWarm(t, Options{}, "json")
			awaitWarm(t, m)
			path := script(t, program)
			scratch, pid := m.warm.spec.Scratch, interpreterOf(t, m)
			spoil(t, m, path)
			f := finish(t, m, warmSpec(m, path))
			if f.Warm || f.Exit.Reason != ReasonExited {
				t.Errorf("got %+v", f)
			}
			if b, err := os.ReadFile(count); string(b) != "x" {
				t.Errorf("it ran %d times, %v", len(b), err)
			}
			if !gone(pid) {
				t.Error("the interpreter is left")
			}
			if exists(scratch) {
				t.Error("its folder for temporary files is left")
			}
		})
	}
}

// records keeps what a manager logs.
type records struct {
	slog.Handler
	mu   sync.Mutex
	text strings.Builder
}

func (r *records) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *records) count(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.text.String(), text)
}

// An import that fails is told once, and tasks start as if no interpreter were wanted.
func TestWarmImportFails(t *testing.T) {
	for module, want := range map[string]string{
		"no_such_module":    "No module named 'no_such_module'",
		"json.no_such_name": "has no attribute 'no_such_name'",
		"this.is.not":       "not a package",
	} {
		t.Run(module, func(t *testing.T) {
			var log records
			m := openWarm(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, "decimal", module)
			testenv.Eventually(t, time.Minute, "it is told", func() bool { return log.count("level=WARN") > 0 })
			for range 2 {
				if f := finish(t, m, warmSpec(m, script(t, "print(1)"))); f.Warm || f.Exit.Reason != ReasonExited {
					t.Errorf("got %+v", f)
				}
			}
			if log.count("started cold") != 1 || log.count(want) == 0 || log.count(module) == 0 {
				t.Errorf("the log: %s", log.text.String())
			}
		})
	}
}

// Names that a package imports at their first use are imported too, and what
// imports print belongs to the task.
func TestWarmNames(t *testing.T) {
	lib := t.TempDir()
	for name, text := range map[string]string{
		"lazy.py":   "import sys\nprint('imported', flush=True)\nprint('warning', file=sys.stderr, flush=True)\ndef __getattr__(name):\n    if name != 'thing':\n        raise AttributeError(name)\n    import heavy\n    return heavy.thing\n",
		"heavy.py":  "thing = 1\n",
		"leaves.py": "import sys\nsys.exit(3)\n",
	} {
		if err := os.WriteFile(filepath.Join(lib, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PYTHONPATH", lib)
	m := openWarm(t, Options{}, "lazy.thing")
	awaitWarm(t, m)
	f := finish(t, m, warmSpec(m, script(t, "import sys\nprint('heavy' in sys.modules)\n")))
	if !f.Warm || !slices.Equal(f.Out, []string{"imported", "True"}) || !slices.Equal(f.Err, []string{"warning"}) {
		t.Errorf("got %+v", f)
	}

	var log records
	openWarm(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, "leaves")
	testenv.Eventually(t, time.Minute, "it is told", func() bool { return log.count("SystemExit: 3") == 1 })
}

// Each interpreter has one task; then there is another one.
func TestWarmIsReplaced(t *testing.T) {
	m := openWarm(t, Options{}, "json")
	seen := map[int]bool{}
	for range 2 {
		awaitWarm(t, m)
		spec := warmSpec(m, script(t, "import time\ntime.sleep(60)\n"))
		spec.ID = string(rune('a' + len(seen)))
		p := start(t, m, spec)
		if !p.Warm() || seen[p.PID()] {
			t.Errorf("warm %t, pid %d of %v", p.Warm(), p.PID(), seen)
		}
		seen[p.PID()] = true
	}
	awaitWarm(t, m) // prepared beside the tasks, at a lower rank, and raised again
	pid := interpreterOf(t, m)
	if seen[pid] {
		t.Error("an interpreter has two tasks")
	}
	if nice, err := syscall.Getpriority(syscall.PRIO_PROCESS, pid); err != nil || nice != 20 {
		t.Errorf("its priority is %d, %v", nice, err)
	}
}
