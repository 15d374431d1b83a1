package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// stray starts what looks like a task's process at a place, until the test ends.
func stray(t *testing.T, work, side, task, execution string) *exec.Cmd {
	t.Helper()
	dir := filepath.Join(work, "tasks", "task_"+task)
	if err := writeProgram(dir, map[string]string{side + ".py": "read line"}); err != nil {
		t.Fatal(err)
	}
	// A shell runs it as Python would, and waits without a process beside it, which
	// would look like another copy until it is another program.
	cmd := exec.Command("/bin/sh", filepath.Join(dir, side+".py"))
	cmd.Env = append(os.Environ(), "AGATA_EXECUTION_ID="+execution, "AGATA_TASK_ID="+task, "AGATA_SIDE="+side, "AGATA_WORK_DIR="+work)
	cmd.WaitDelay = time.Second
	if _, err := cmd.StdinPipe(); err != nil { // open until it is waited for
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // the test may have
		cmd.Wait()         //nolint:errcheck // it was killed
	})
	return cmd
}

// world is a system of which nothing runs but what a test starts.
func world(t *testing.T, records map[string]record) (*System, *Scanner, *eyes) {
	t.Helper()
	scan := NewScanner()
	s := &System{dir: t.TempDir(), scan: scan, processes: map[string]*process{}}
	path := filepath.Join(s.dir, "cloud-task-manager", "cloud-task-manager.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE tasks (id, state, execution_id)"); err != nil {
		t.Fatal(err)
	}
	for id, r := range records {
		if _, err := db.Exec("INSERT INTO tasks VALUES (?, ?, ?)", id, r.state, r.execution); err != nil {
			t.Fatal(err)
		}
	}
	e, err := openEyes(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.close() })
	return s, scan, e
}

// sees looks until as many conditions are found as are wanted, each with its
// invariant and a text.
func sees(t *testing.T, scan *Scanner, e *eyes, want map[Invariant]string) {
	t.Helper()
	var found []broken
	ok := func() bool {
		if err := scan.scan(); err != nil {
			t.Fatal(err)
		}
		var err error
		if found, err = e.look(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(found) != len(want) {
			return false
		}
		for _, b := range found {
			if text, wanted := want[b.invariant]; !wanted || !strings.Contains(b.text, text) {
				return false
			}
		}
		return true
	}
	defer func() {
		if t.Failed() {
			t.Logf("found %+v", found)
		}
	}()
	testenv.Eventually(t, ample, fmt.Sprint("the conditions are ", want), ok)
}

func TestWhatMustNotBeIsSeen(t *testing.T) {
	s, scan, e := world(t, map[string]record{"a": {"running", "x1"}, "b": {"stopped", "x2"}, "c": {"new", ""}})
	sees(t, scan, e, map[Invariant]string{NoGhost: "task a is recorded as running at the cloud, and execution x1"})

	a := stray(t, s.cloudWork(), "server", "a", "x1")
	sees(t, scan, e, nil)

	again := stray(t, s.cloudWork(), "server", "a", "x1")
	sees(t, scan, e, map[Invariant]string{OneProcess: "task a at the cloud has 2 processes"})
	again.Process.Kill()
	again.Wait()

	b := stray(t, s.cloudWork(), "server", "b", "x2")
	sees(t, scan, e, map[Invariant]string{NoOrphan: "task b (execution x2) runs at the cloud, and the record says stopped"})
	b.Process.Kill()
	b.Wait()

	// A client: what does not answer is not judged.
	stray(t, s.clientWork("ada"), "client", "a", "y1")
	sees(t, scan, e, nil)
	answers := func(running ...contract.Execution) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.clients["ada"] = sight{contract.ClientState{Running: running}, time.Now().Add(time.Hour)}
	}
	answers()
	sees(t, scan, e, map[Invariant]string{NoOrphan: "of task a (execution y1) runs on client ada"})
	answers(contract.Execution{TaskID: "a", ExecutionID: "y1"})
	sees(t, scan, e, nil)
	answers(contract.Execution{TaskID: "a", ExecutionID: "y1"}, contract.Execution{TaskID: "c", ExecutionID: "y2"})
	sees(t, scan, e, map[Invariant]string{NoGhost: "client ada says that task c runs"})
	stray(t, s.clientWork("bob"), "client", "a", "z1") // another client may run it as well
	sees(t, scan, e, map[Invariant]string{NoGhost: "client ada says that task c runs"})

	a.Process.Kill() // a zombie runs nothing
	answers(contract.Execution{TaskID: "a", ExecutionID: "y1"})
	sees(t, scan, e, map[Invariant]string{NoGhost: "task a is recorded as running at the cloud"})
}

func TestPatience(t *testing.T) {
	p := &process{}
	s := &System{processes: map[string]*process{"m": p}}
	now := time.Now()
	ghost, two := broken{NoGhost, "a ghost", "m"}, broken{OneProcess, "two", ""}
	var pt patience
	judge := func(at time.Duration, found ...broken) int { return len(pt.judge(s, found, now.Add(at))) }
	up := func(since time.Duration) { p.cmd, p.since = &exec.Cmd{}, now.Add(since) }

	if n := judge(0, two); n != 0 {
		t.Error("one reading is enough to condemn")
	}
	if n := judge(200*time.Millisecond, two); n != 1 {
		t.Error("what two readings show is forgiven")
	}
	up(-time.Hour)
	judge(time.Second, ghost)
	if n := judge(2*time.Second, ghost); n != 0 {
		t.Error("a manager has no time to notice")
	}
	if n := judge(time.Second+ghostGrace+time.Millisecond, ghost); n != 1 {
		t.Error("a ghost may last")
	}
	up(5 * time.Second) // started again meanwhile
	if n := judge(6*time.Second, ghost); n != 0 {
		t.Error("a manager that was restarted has no time to take over")
	}
	p.paused = true
	if n := judge(time.Minute, ghost); n != 0 {
		t.Error("a manager that does not run is blamed")
	}
	p.paused = false
	judge(61*time.Second, ghost)
	judge(62 * time.Second)
	if n := judge(66*time.Second, ghost); n != 0 {
		t.Error("what had gone is not new when it comes again")
	}
}
