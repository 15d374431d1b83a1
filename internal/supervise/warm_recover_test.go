package supervise

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/internal/testenv"
)

// An interpreter that waits ends with its manager, even a killed one, and the next
// manager takes away what was its own.
func TestWarmEndsWithItsManager(t *testing.T) {
	t.Setenv(hostWarmEnv, testPython(t))
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := t.TempDir()
	_, _, helper := hosted(t, dir, 0)
	folders, err := filepath.Glob(filepath.Join(dir, warmMark+"*"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("%q, %v", folders, err)
	}
	spec, err := shim.ReadSpec(folders[0])
	if err != nil {
		t.Fatal(err)
	}
	mark := "TMPDIR=" + spec.Scratch + "\x00"
	running := func() (pids []int) {
		for _, pid := range shim.Processes() {
			if env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ"); err == nil && strings.Contains(string(env), mark) {
				pids = append(pids, pid)
			}
		}
		return pids
	}
	if len(running()) != 1 || !exists(spec.Scratch) {
		t.Fatalf("interpreters %v, folder %t", running(), exists(spec.Scratch))
	}
	killHost(t, helper)
	testenv.Eventually(t, time.Minute, "it ends", func() bool { return len(running()) == 0 })

	openManager(t, dir) // one without warm interpreters
	testenv.Eventually(t, time.Minute, "what was its own is gone", func() bool { return !exists(spec.Scratch) && !exists(folders[0]) })
}

func TestWarmEndsWithAnOrderlyManager(t *testing.T) {
	m := openWarm(t, Options{}, "json")
	awaitWarm(t, m)
	pid, scratch, folder := interpreterOf(t, m), m.warm.spec.Scratch, m.warm.folder
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if !gone(pid) || exists(scratch) || exists(folder) {
		t.Errorf("gone %t, folders left %t, %t", gone(pid), exists(scratch), exists(folder))
	}

	m = openWarm(t, Options{}, "time", "json") // and one that has not finished its imports
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(m.opts.Dir, warmMark+"*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A task that was started warm outlives its manager; the next one adopts it, and
// learns how it ends.
func TestWarmIsAdopted(t *testing.T) {
	t.Setenv(hostWarmEnv, testPython(t))
	dir := t.TempDir()
	flag := filepath.Join(t.TempDir(), "go")
	path := script(t, "import os, sys, time\nprint('up', flush=True)\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)\nprint('end', flush=True)\nsys.exit(7)\n")
	printed, pid, helper := hosted(t, dir, 1, testPython(t), path, flag)
	if len(printed) != 1 || printed[0] != "stdout up" {
		t.Errorf("printed %q", printed)
	}
	killHost(t, helper)
	m := openManager(t, dir)
	adopted, err := m.Recover(t.Context())
	if err != nil || len(adopted) != 1 || adopted[0].PID() != pid || gone(pid) {
		t.Fatalf("adopted %v, %v", adopted, err)
	}
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := texts(collect(t, adopted[0]), Stdout); len(got) != 1 || got[0] != "end" {
		t.Errorf("lines %q", got)
	}
	if exit := waitDone(t, adopted[0]); exit.Code != 7 {
		t.Errorf("exit %+v", exit)
	}
}

// What a task forked, without an exec, is found by what the kernel shows of it when
// its shim is killed.
func TestWarmLeavesNothing(t *testing.T) {
	m := openWarm(t, Options{}, "json")
	awaitWarm(t, m)
	p := start(t, m, warmSpec(m, script(t, `
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        while True: time.sleep(1)
    os._exit(0)
while True: time.sleep(1)
`)))
	child := pidLine(t, p)
	if !p.Warm() || gone(child) {
		t.Fatalf("warm %t", p.Warm())
	}
	if err := syscall.Kill(shimOf(t, p.PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := waitDone(t, p); exit.Reason != ReasonLost || !gone(p.PID()) || !gone(child) {
		t.Errorf("exit %+v, left %t %t", exit, !gone(p.PID()), !gone(child))
	}
}

func TestWarmIsStopped(t *testing.T) {
	m := openWarm(t, Options{}, "json")
	awaitWarm(t, m)
	p := start(t, m, warmSpec(m, script(t, "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('asked', flush=True), exit(0)))\nprint('up', flush=True)\ntime.sleep(60)\n")))
	<-p.Lines()
	exit := waitStopped(t, p)
	if got := texts(collect(t, p), Stdout); exit.Reason != ReasonStopped || len(got) != 1 || got[0] != "asked" || !p.Warm() {
		t.Errorf("exit %+v, lines %q", exit, got)
	}
}

// With an account for tasks the interpreter is that account's from its birth.
func TestWarmAccount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("this takes root")
		return
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	account, err := LookUpAccount("nobody")
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("/tmp", "warm-account-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	t.Setenv("TMPDIR", "/tmp")
	path := filepath.Join(base, "client.py")
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "import os, tempfile\nprint(os.getuid(), os.environ['USER'], os.environ['HOME'] == os.environ['TMPDIR'] == tempfile.gettempdir(), flush=True)\nopen(os.environ['AGATA_REPORTS'], 'a').write('report\\n')\ntempfile.TemporaryFile().write(b'x')\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	python := testPython(t)
	if account.Reach(python) != nil { // one that is closed to others
		python = "/usr/bin/python3"
	}
	m := openWarmOn(t, python, Options{Dir: filepath.Join(base, "executions"), Account: account}, "json", "tempfile")
	awaitWarm(t, m)
	f := finish(t, m, warmSpec(m, path))
	if want := nobody.Uid + " nobody True"; !f.Warm || len(f.Out) != 1 || f.Out[0] != want || f.Exit.Code != 0 {
		t.Errorf("want %q, got %+v", want, f)
	}
}
