package supervise

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestLinesAndExit(t *testing.T) {
	m := newManager(t)
	p := start(t, m, Spec{TaskID: "t1", Argv: sh(`echo out; echo err >&2; echo '{"a":1}' >>"$AGATA_REPORTS"; echo "$AGATA_TASK_ID/$AGATA_EXECUTION_ID"; printf '{"half'; exit 3`)})
	lines := collect(t, p)
	exit, ended := p.Exit() // known once Lines is closed
	if !ended || exit.Reason != ReasonExitNonzero || exit.Code != 3 || exit.Signal != 0 || exit.MaxRSS <= 0 {
		t.Errorf("exit = %+v, %v", exit, ended)
	}
	if exit.EndedAt.Before(exit.StartedAt) || !exit.StartedAt.Equal(p.StartedAt()) {
		t.Errorf("started %v, %v, ended %v", p.StartedAt(), exit.StartedAt, exit.EndedAt)
	}
	if got, want := texts(lines, Stdout), []string{"out", "t1/x", `{"half`}; !slices.Equal(got, want) {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if got, want := texts(lines, Stderr), []string{"err"}; !slices.Equal(got, want) {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if got, want := texts(lines, Report), []string{`{"a":1}`}; !slices.Equal(got, want) {
		t.Errorf("reports %q, want %q", got, want)
	}
	for _, l := range lines {
		if l.Partial != (l.Text == `{"half`) {
			t.Errorf("partial is %v for %q", l.Partial, l.Text)
		}
	}
	if got := texts(exit.LastLines, Stdout); len(got) != 3 || got[2] != `{"half` {
		t.Errorf("last lines %q", got)
	}
	if got := p.Tail(1); len(got) != 2 || got[0].Text != `{"half` || got[1].Text != "err" {
		t.Errorf("tail %+v", got)
	}
}

func TestKilledTaskIsNoticed(t *testing.T) {
	p := start(t, newManager(t), Spec{Argv: []string{"python3", "-c", "import time; time.sleep(60)"}})
	began := time.Now()
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	exit := waitDone(t, p)
	if took := time.Since(began); took > time.Second {
		t.Errorf("noticed after %v", took)
	}
	if exit.Reason != ReasonSignaled || exit.Signal != 9 || exit.Code != -1 {
		t.Errorf("exit %+v", exit)
	}
}

func TestManyQuickChildren(t *testing.T) {
	m := newManager(t)
	before := openFiles(t)
	slots := make(chan struct{}, 8)
	failures := make(chan error, 200)
	for i := range 200 {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			p, err := m.Start(t.Context(), Spec{ID: fmt.Sprint("q", i), Argv: sh(fmt.Sprint("echo ", i, "; exit ", i%3))})
			if err != nil {
				failures <- err
				return
			}
			lines := 0
			for range p.Lines() {
				lines++
			}
			if exit, ended := p.Exit(); !ended || exit.Code != i%3 || lines != 1 {
				failures <- fmt.Errorf("%d: %d lines, exit %+v", i, lines, exit)
			}
			if err := p.Remove(); err != nil {
				failures <- err
			}
		}()
	}
	for range cap(slots) {
		slots <- struct{}{}
	}
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d open files before, %d after", before, after)
	}
	if zombies := zombiesOf(os.Getpid()); len(zombies) != 0 {
		t.Errorf("zombies %v", zombies)
	}
	if procs := m.Processes(); len(procs) != 0 {
		t.Errorf("%d processes remain", len(procs))
	}
	m.watch.mu.Lock()
	defer m.watch.mu.Unlock()
	if len(m.watch.wakes) != 0 {
		t.Errorf("%d watches remain", len(m.watch.wakes))
	}
}

// TestIdleCostsNothing watches the threads of a manager and of a shim while the// task sleeps.
func TestIdleCostsNothing(t *testing.T) {
	dir := t.TempDir()
	_, task, helper := hosted(t, dir, 0, "sleep", "60")
	watcher := shimOf(t, task)
	time.Sleep(300 * time.Millisecond) // the runtimes settle
	for name, pid := range map[string]int{"manager": helper.Process.Pid, "shim": watcher} {
		before := switches(t, pid)
		time.Sleep(700 * time.Millisecond)
		if woken := switches(t, pid) - before; woken > 3 {
			t.Errorf("the idle %s was woken %d times in 0.7 s", name, woken)
		}
	}
	killHost(t, helper)
	waitStopped(t, recovered(t, openManager(t, dir)))
}
