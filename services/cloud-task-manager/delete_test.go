package cloudtaskmanager

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func (c *cloud) folder(id string) string { return filepath.Join(c.dir, "work", "tasks", "task_"+id) }

func (c *cloud) wantGone(path string) {
	c.Helper()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		c.Errorf("%s is still there (%v)", path, err)
	}
}

func TestDeleteTask(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.user(contract.User{ID: "u"})
	a := contract.TaskIDRequest{TaskID: "a"}
	refused(c, contract.DeleteTask, a, rpc.NotFound)
	c.task("a", forever)
	c.task("b", forever)
	c.start("a")
	if text := refused(c, contract.DeleteTask, a, rpc.Conflict); text != contract.TaskRuns("a") {
		t.Errorf("while it runs: %q", text)
	}
	c.wantOffered("u", "a")
	c.halt("a")
	execution := m.runs.process("a").Folder()
	must(c, contract.DeleteTask, a)
	c.wantGone(execution)
	c.wantGone(c.folder("a"))
	for _, what := range []string{"deleted", "deleted before"} {
		if text := refused(c, contract.DeleteTask, a, rpc.NotFound); text != contract.TaskNotRegistered("a") {
			t.Errorf("%s: %q", what, text)
		}
	}
	refused(c, contract.DescribeTask, a, rpc.NotFound)
	refused(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a"}, rpc.NotFound)
	if _, err := os.Stat(c.folder("b")); err != nil {
		t.Errorf("another task's files: %v", err)
	}
	// The id is free, and nothing of the old task is there.
	c.create("a", "")
	if got := must(c, contract.DescribeTask, a); got.ExecutionID != "" || got.State != "new" || got.Revision != 1 {
		t.Errorf("a task of the same id: %+v", got)
	}
	refused(c, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"}, rpc.NotFound)
	if lines := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a"}).Lines; len(lines) != 0 {
		t.Errorf("its output: %q", lines)
	}
	// One that never ran and has no files goes as well.
	c.create("c", "")
	must(c, contract.DeleteTask, contract.TaskIDRequest{TaskID: "c"})
	// Files that were uploaded before the task is registered are not another's.
	c.file("d", "server.py", preamble+forever)
	c.create("d", "")
	c.start("d")
}

func TestDeleteAwaitsItsTurn(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", forever)
	done, err := m.turns.lock(t.Context(), "a") // as a start that is under way
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := rpc.Call(ctx, c.caller, contract.DeleteTask, contract.TaskIDRequest{TaskID: "a"})
		failed <- err
	}()
	c.eventually("the deletion waits", func() bool {
		m.turns.mu.Lock()
		defer m.turns.mu.Unlock()
		return m.turns.held["a"].users == 2
	})
	if err := <-failed; rpc.CodeOf(err) != rpc.Deadline {
		t.Errorf("while it is being started: %v", err)
	}
	c.eventually("the deletion gives up", func() bool {
		m.turns.mu.Lock()
		defer m.turns.mu.Unlock()
		return m.turns.held["a"].users == 1 // ours
	})
	done()
	if got := c.summary("a"); got.State != "new" {
		t.Errorf("after a deletion that gave up: %+v", got)
	}
	c.start("a")
}

// A service that dies between the record's end and the files' leaves both to the
// next one.
func TestDeleteSurvivesACrash(t *testing.T) {
	c := newCloud(t)
	first := c.manager(keepTasks)
	for _, id := range []string{"a", "b"} {
		c.task(id, "sys.exit(1)")
		c.start(id)
		c.becomes(id, stateFailed)
	}
	execution := first.runs.process("a").Folder()
	if was, err := first.store.remove(t.Context(), "a"); err != nil || was != stateFailed {
		t.Fatal(was, err)
	}
	// The files are there, and nobody inherits them: not now,
	c.create("a", "")
	c.wantGone(c.folder("a"))
	if _, err := first.store.remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	c.file("a", "server.py", "")
	first.stop()

	second := c.manager() // and not after a restart.
	c.wantGone(c.folder("a"))
	c.eventually("the execution of a deleted task goes", func() bool {
		_, err := os.Stat(execution)
		return os.IsNotExist(err)
	})
	if left, err := second.store.removals(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("notes that are left: %v, %v", left, err)
	}
	refused(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"}, rpc.NotFound)
	if _, err := os.Stat(filepath.Join(c.folder("b"), "server.py")); err != nil {
		t.Errorf("another task's files: %v", err)
	}
}
