package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

func recovered(t testing.TB, m *Manager) *Process {
	t.Helper()
	procs, err := m.Recover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(procs) != 1 {
		t.Fatalf("%d processes recovered, want 1", len(procs))
	}
	return procs[0]
}

// counting writes n lines to each of stdout and the reports, then exits with 7.
func counting(n int) []string {
	return sh(fmt.Sprintf(`i=1; while [ $i -le %d ]; do echo out $i; echo "{\"n\":$i}" >>"$AGATA_REPORTS"; i=$((i+1)); sleep 0.002; done; exit 7`, n))
}

func TestManagerKilledWhileTaskRuns(t *testing.T) {
	const n = 150
	dir := t.TempDir()
	printed, task, helper := hosted(t, dir, 60, counting(n)...)
	killHost(t, helper)
	time.Sleep(50 * time.Millisecond) // the task goes on, unwatched

	m := openManager(t, dir)
	p := recovered(t, m)
	if p.PID() != task {
		t.Errorf("adopted pid %d, started %d", p.PID(), task)
	}
	if p.TaskID() != "t" || p.Labels()["side"] != "client" {
		t.Errorf("task %q, labels %v did not survive", p.TaskID(), p.Labels())
	}
	if _, ended := p.Exit(); ended {
		t.Fatal("the task ended before it was adopted: the test shows nothing")
	}
	for _, line := range collect(t, p) {
		printed = append(printed, string(line.Stream)+" "+line.Text)
	}
	var want []string
	for i := 1; i <= n; i++ {
		want = append(want, fmt.Sprint("stdout out ", i), fmt.Sprintf(`report {"n":%d}`, i))
	}
	slices.Sort(printed)
	slices.Sort(want)
	if !slices.Equal(printed, want) {
		t.Errorf("%d lines seen in all, want each of %d once", len(printed), len(want))
	}
	if exit := waitDone(t, p); exit.Reason != ReasonExitNonzero || exit.Code != 7 {
		t.Errorf("exit %+v", exit)
	}
}

func TestTaskEndsUnwatched(t *testing.T) {
	dir := t.TempDir()
	printed, task, helper := hosted(t, dir, 4, counting(20)...)
	watcher := shimOf(t, task)
	killHost(t, helper)
	waitGone(t, watcher)

	p := recovered(t, openManager(t, dir))
	lines := collect(t, p)
	if len(lines)+len(printed) != 40 {
		t.Errorf("%d lines before and %d after, want 40 in all", len(printed), len(lines))
	}
	if exit := waitDone(t, p); exit.Reason != ReasonExitNonzero || exit.Code != 7 || exit.CPU <= 0 || exit.MaxRSS <= 0 {
		t.Errorf("exit %+v", exit)
	}
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Folder()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder still there: %v", err)
	}
}

func TestTaskDiesWithItsShimUnwatched(t *testing.T) {
	dir := t.TempDir()
	_, task, helper := hosted(t, dir, 0, "sleep", "60")
	watcher := shimOf(t, task)
	killHost(t, helper)
	if err := syscall.Kill(watcher, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitGone(t, task) // nobody but the kernel is there to end it
	if exit := waitDone(t, recovered(t, openManager(t, dir))); exit.Reason != ReasonLost || exit.Code != -1 {
		t.Errorf("exit %+v", exit)
	}
}

func TestCloseDetachesAndTheNextManagerAdopts(t *testing.T) {
	dir := t.TempDir()
	first, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, first, Spec{Argv: sh("echo one; sleep 60")})
	if line := <-p.Lines(); line.Text != "one" {
		t.Fatalf("line %+v", line)
	} else if err := p.Commit(line); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another manager") {
		t.Errorf("a second manager on the folder: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if _, ended := p.Exit(); ended {
		t.Error("a detached process has an exit")
	}
	if _, open := <-p.Lines(); open {
		t.Error("a detached process still gives lines")
	}
	if _, err := first.Start(t.Context(), Spec{ID: "y", Argv: sh("true")}); !errors.Is(err, ErrClosed) {
		t.Errorf("start after close: %v", err)
	}

	m := openManager(t, dir)
	if _, err := m.Start(t.Context(), Spec{ID: "x", Argv: sh("true")}); kind(err) != KindConflict {
		t.Errorf("start beside a running execution not yet adopted: %v", err)
	}
	adopted := recovered(t, m)
	if adopted.PID() != p.PID() {
		t.Fatalf("adopted %d, not %d", adopted.PID(), p.PID())
	}
	if again, err := m.Recover(t.Context()); err != nil || len(again) != 0 {
		t.Errorf("a second Recover found %d, %v", len(again), err)
	}
	if err := adopted.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exit := waitDone(t, adopted); exit.Reason != ReasonStopped {
		t.Errorf("exit %+v", exit)
	}
	if lines := collect(t, adopted); len(lines) != 0 {
		t.Errorf("lines given twice: %v", lines)
	}
	if zombies := zombiesOf(os.Getpid()); len(zombies) != 0 {
		t.Errorf("zombies %v", zombies)
	}
}

func TestStopIsFinishedWithoutTheManager(t *testing.T) {
	dir := t.TempDir()
	first, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, first, Spec{Grace: 300 * time.Millisecond, Argv: sh(`trap "" TERM; echo up; while :; do sleep 0.05; done`)})
	<-p.Lines()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stop: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	waitGone(t, p.PID())
	exit := waitDone(t, recovered(t, openManager(t, dir)))
	if exit.Reason != ReasonStopped || exit.Signal != 9 {
		t.Errorf("exit %+v", exit)
	}
}

// fake makes the folder of an execution that no shim holds.
func fake(t *testing.T, dir string, record *shim.Record) string {
	t.Helper()
	folder := filepath.Join(dir, "x")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := lockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := shim.WriteSpec(file, shim.Spec{ID: "x", Argv: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{shim.StdoutPath(folder), shim.StderrPath(folder), shim.ReportsPath(folder)} {
		if err := os.WriteFile(path, []byte("left\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if record != nil {
		data, _ := json.Marshal(record)
		if err := os.WriteFile(shim.RecordPath(folder), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestRecoverTellsOthersProcessesApart(t *testing.T) {
	self := shim.Self()
	recycled := shim.Identity{PID: self.PID, Start: self.Start - 1}
	for name, c := range map[string]struct {
		record *shim.Record
		why    string
	}{
		"recycled pid": {&shim.Record{BootID: shim.BootID(), Shim: recycled, Task: recycled}, "its shim ended"},
		"other boot":   {&shim.Record{BootID: "another", Shim: self, Task: self}, "restarted"},
		"no record":    {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fake(t, dir, c.record)
			p := recovered(t, openManager(t, dir))
			exit := waitDone(t, p) // and this process has not been killed
			if exit.Reason != ReasonLost || !strings.Contains(exit.Error, c.why) {
				t.Errorf("exit %+v", exit)
			}
			if lines := collect(t, p); len(lines) != 3 {
				t.Errorf("lines %v", lines)
			}
		})
	}
}

func TestRecoverInDoubtDoesNothing(t *testing.T) {
	dir := t.TempDir()
	// A shim that lives but does not hold its lock: somebody replaced the file.
	fake(t, dir, &shim.Record{BootID: shim.BootID(), Shim: shim.Self(), Task: shim.Self()})
	m := openManager(t, dir)
	m.doubt = 20 * time.Millisecond
	procs, err := m.Recover(t.Context())
	if len(procs) != 0 || !errors.Is(err, errInDoubt) {
		t.Errorf("recovered %d, %v", len(procs), err)
	}
	if _, err := m.Start(t.Context(), Spec{ID: "x", Argv: sh("true")}); kind(err) != KindConflict {
		t.Errorf("start in doubt: %v", err)
	}
}

func TestRecoverClearsStartsCutShort(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "x")
	half := filepath.Join(dir, "y")
	trash := filepath.Join(dir, ".removed-z")
	for _, f := range []string{folder, half, trash} {
		if err := os.MkdirAll(f, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(shim.SpecPath(half), []byte("agata-spec-1\x00y"), 0o600); err != nil {
		t.Fatal(err)
	}
	procs, err := openManager(t, dir).Recover(t.Context())
	if err != nil || len(procs) != 0 {
		t.Fatalf("recovered %d, %v", len(procs), err)
	}
	for _, f := range []string{folder, half, trash} {
		if _, err := os.Stat(f); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", f)
		}
	}
}
