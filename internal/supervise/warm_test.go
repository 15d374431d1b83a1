package supervise

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/internal/testenv"
)

// openWarm gives a manager whose interpreter has imported modules.
func openWarm(t testing.TB, opt Options, modules ...string) *Manager {
	t.Helper()
	return openWarmOn(t, testPython(t), opt, modules...)
}

func openWarmOn(t testing.TB, python string, opt Options, modules ...string) *Manager {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	work := opt.Dir
	if opt.Account != nil { // which cannot list the executions
		work = filepath.Dir(opt.Dir)
	}
	opt.Grace = 2 * time.Second
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	opt.Warm = &Warm{Python: python, Modules: modules, Dir: work, Env: Environ(nil)}
	m, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range m.Processes() {
			_ = p.Kill(t.Context())
		}
		_ = m.Close()
	})
	return m
}

// testPython is a real interpreter: python3 may be a script that finds one.
func testPython(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func awaitWarm(t testing.TB, m *Manager) {
	t.Helper()
	testenv.Eventually(t, 3*time.Minute, "an interpreter is warm", m.Warm)
}

// interpreterOf is the pid of the interpreter that waits.
func interpreterOf(t testing.TB, m *Manager) int {
	t.Helper()
	m.mu.Lock()
	mark := "TMPDIR=" + m.warm.spec.Scratch + "\x00"
	m.mu.Unlock()
	for _, pid := range shim.Processes() {
		if env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ"); err == nil && strings.Contains(string(env), mark) {
			return pid
		}
	}
	t.Fatal("no interpreter waits")
	return 0
}

// script is a task's program, in a folder of its own.
func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "client.py")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func warmSpec(m *Manager, path string, args ...string) Spec {
	return Spec{ID: "x", TaskID: "t", Argv: append([]string{m.opts.Warm.Python, path}, args...), Dir: m.opts.Warm.Dir, Env: Environ(nil, "TRACEPARENT=00-1-2-3", "AGATA_SIDE=client"), Warm: true}
}

// finished is a process that has ended, with its output.
type finished struct {
	Out, Err []string
	Exit     Exit
	Warm     bool
}

func finish(t testing.TB, m *Manager, spec Spec) finished {
	t.Helper()
	p := start(t, m, spec)
	lines := collect(t, p)
	f := finished{texts(lines, Stdout), texts(lines, Stderr), waitDone(t, p), p.Warm()}
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	return f
}

// looks is a program that tells all that a program could go by.
const looks = `
import json, os, resource, signal, sys
def lines(name, *wanted):
    with open("/proc/self/" + name) as f:
        return sorted(l.strip() for l in f if not wanted or l.startswith(wanted))
with open("/proc/self/stat") as f: stat = f.read().rpartition(")")[2].split()
env = {k: v for k, v in os.environ.items() if k not in ("TMPDIR",)}
print(json.dumps({
    "argv": sys.argv, "orig": getattr(sys, "orig_argv", None), "path": sys.path, "flags": str(sys.flags), "executable": sys.executable, "prefix": sys.prefix,
    "names": sorted(globals()), "file": __file__, "name": __name__, "doc": __doc__, "package": __package__, "spec": repr(__spec__), "loader": type(__loader__).__name__,
    "builtins": type(__builtins__).__name__, "main": sys.modules["__main__"].__dict__ is globals(), "cwd": os.getcwd(), "environ": env, 
    "fds": sorted(os.listdir("/proc/self/fd")), "stdin": os.readlink("/proc/self/fd/0"), "stdout": os.readlink("/proc/self/fd/1"), "stderr": os.readlink("/proc/self/fd/2"),
    "append": lines("fdinfo/1", "flags"), "cmdline": open("/proc/self/cmdline").read().rstrip("\0"),
    "group": os.getpgid(0) == os.getpid(), "session": os.getsid(0) == os.getppid(), "nice": os.getpriority(os.PRIO_PROCESS, 0), "policy": os.sched_getscheduler(0),
    "oom": lines("oom_score_adj"), "signals": lines("status", "SigBlk", "SigIgn", "SigCgt", "Uid", "Gid", "Groups", "Umask"),
    "limits": lines("limits"), "marks": sorted(v for v in open("/proc/self/environ").read().split("\0") if v.startswith(("AGATA_EXECUTION_ID=", "AGATA_REPORTS=", "AGATA_TASK_ID="))),
    "tmp": os.path.dirname(os.environ["TMPDIR"]), "tmp_mode": oct(os.stat(os.environ["TMPDIR"]).st_mode), "tracing": sys.gettrace() is None, "hook": sys.excepthook is sys.__excepthook__,
    "gc": __import__("gc").isenabled(), "main_thread": __import__("threading").main_thread().ident == __import__("threading").get_ident(), "autogroup": [l.split()[-1] for l in lines("autogroup")] if os.path.exists("/proc/self/autogroup") else None,
}))
`

// A program that was taken over by a warm interpreter finds what it would find
// otherwise.
func TestWarmIsAsCold(t *testing.T) {
	t.Run("an interpreter", func(t *testing.T) {
		compareWarm(t, openWarm(t, Options{Limits: Limits{OpenFiles: 512, FileBytes: 1 << 30, AddressSpace: 8 << 30}}, "json", "decimal"))
	})
	t.Run("a script that finds one", func(t *testing.T) {
		bin := t.TempDir()
		text := "#!/bin/sh\nFOUND=1 PATH=/found:$PATH exec " + testPython(t) + ` "$@"` + "\n"
		if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		m := openWarmOn(t, "python3", Options{}, "json")
		compareWarm(t, m)
	})
}

func compareWarm(t *testing.T, m *Manager) {
	t.Helper()
	awaitWarm(t, m)
	path := script(t, looks)
	look := func(warm bool) (seen map[string]any) {
		spec := warmSpec(m, path, "a", "b c", "", "ü")
		spec.Warm = warm
		f := finish(t, m, spec)
		if f.Warm != warm || f.Exit.Reason != ReasonExited || len(f.Out) != 1 || len(f.Err) != 0 {
			t.Fatalf("want warm %t, got %+v", warm, f)
		}
		if err := json.Unmarshal([]byte(f.Out[0]), &seen); err != nil {
			t.Fatal(err)
		}
		return seen
	}
	if diff := cmp.Diff(look(false), look(true)); diff != "" {
		t.Errorf("cold (-) and warm (+):\n%s", diff)
	}
}

// What a program raises and how it ends is the same as well.
func TestWarmEndsAsCold(t *testing.T) {
	m := openWarm(t, Options{}, "json")
	for name, text := range map[string]string{
		"code":        "import sys\nsys.exit(75)\n",
		"a last word": "import sys\nsys.exit('no server')\n",
		"error":       "def f():\n    raise ValueError('x')\ntry:\n    1/0\nexcept Exception:\n    f()\n",
		"interrupt":   "import os, signal, atexit\natexit.register(print, 'bye')\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(60)\n",
		"own hook":    "import sys, traceback\nsys.excepthook = lambda k, v, t: print(k.__name__, len(traceback.extract_tb(t)))\n1/0\n",
		"a thread":    "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()\n",
		"at once":     "import os\nprint('x', flush=True)\nos._exit(4)\n",
		"no syntax":   "x = (\n",
		"a signal":    "import os\nos.kill(os.getpid(), 9)\n",
	} {
		t.Run(name, func(t *testing.T) {
			awaitWarm(t, m)
			spec := warmSpec(m, script(t, text))
			warm := finish(t, m, spec)
			if (name != "no syntax") != warm.Warm { // that is for a new interpreter to tell
				t.Errorf("warm: %t", warm.Warm)
			}
			spec.Warm = false
			cold := finish(t, m, spec)
			if diff := cmp.Diff(cold.Out, warm.Out); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(cold.Err, warm.Err); diff != "" {
				t.Error(diff)
			}
			if cold.Exit.Code != warm.Exit.Code || cold.Exit.Signal != warm.Exit.Signal || cold.Exit.Reason != warm.Exit.Reason {
				t.Errorf("cold %+v, warm %+v", cold.Exit, warm.Exit)
			}
		})
	}
}

// Who did not ask for it, or needs something else, is started cold, and the
// interpreter goes on waiting.
func TestWarmOnlyWhereItFits(t *testing.T) {
	m := openWarm(t, Options{}, "json")
	awaitWarm(t, m)
	before := interpreterOf(t, m)
	for name, change := range map[string]func(*Spec){
		"not asked for":    func(s *Spec) { s.Warm = false },
		"another variable": func(s *Spec) { s.Env = setEnv(s.Env, "OMP_NUM_THREADS=1") },
		"a variable less": func(s *Spec) {
			s.Env = slices.DeleteFunc(s.Env, func(e string) bool { return strings.HasPrefix(e, "PATH=") })
			s.Argv[0] = "/usr/bin/env"
		},
		"another folder":     func(s *Spec) { s.Dir = t.TempDir() },
		"another limit":      func(s *Spec) { s.Limits.OpenFiles = 100 },
		"another program":    func(s *Spec) { s.Argv = []string{"true", "x"} },
		"no program to run":  func(s *Spec) { s.Argv = []string{"sh", "-c", "exit 0"} },
		"nothing to be done": func(s *Spec) { s.Argv = []string{"true"} },
	} {
		t.Run(name, func(t *testing.T) {
			spec := warmSpec(m, script(t, ""))
			change(&spec)
			if f := finish(t, m, spec); f.Warm {
				t.Error("it was started warm")
			}
		})
	}
	if !m.Warm() || interpreterOf(t, m) != before {
		t.Error("the interpreter does not wait any more")
	}
}
