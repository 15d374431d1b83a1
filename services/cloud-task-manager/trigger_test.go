package cloudtaskmanager

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// note is a trigger that appends its arguments to a file.
const note = `
import os, sys
open(os.environ["AGATA_WORK_DIR"] + "/notes", "a").write(" ".join(sys.argv[1:]) + "\n")
print("noted", sys.argv[1])
`

func (c *cloud) notes() string {
	data, err := os.ReadFile(filepath.Join(c.dir, "work", "notes"))
	if err != nil && !os.IsNotExist(err) {
		c.Fatal(err)
	}
	return string(data)
}

func TestTriggerRunsOnce(t *testing.T) {
	c := newCloud(t)
	m := c.manager(keepTasks)
	c.task("a", `report(type="trigger", trigger_name="note", trigger_arguments="one 'two three'")`+"\n"+forever)
	c.file("a", "note.py", note)
	c.start("a")
	c.eventually("the trigger has run", func() bool { return strings.Contains(m.log.String(), "a trigger ended") })
	if !strings.Contains(m.log.String(), "noted one") {
		t.Errorf("the trigger's output is not in the log:\n%s", m.log)
	}
	if len(m.procs.Processes()) != 1 {
		t.Errorf("%d executions are left, want the task's alone", len(m.procs.Processes()))
	}
	// Not by the one who adopts the task either.
	m.stop()
	m = c.manager()
	time.Sleep(100 * time.Millisecond) // nothing is to happen
	if got := c.notes(); got != "one two three\n" {
		t.Errorf("the trigger ran as %q", got)
	}
	if !c.running("a") {
		t.Error("the task does not run any more")
	}
}

func TestTriggerThatCannotRunIsLogged(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", `
for name in ["absent", "../task_b/note", "/etc/passwd", "", "link", "sub/note"]:
    report(type="trigger", trigger_name=name, trigger_arguments="x")
report(type="trigger", trigger_name="note", trigger_arguments="'")
report(type="trigger", trigger_name="fails", trigger_arguments="")
report(type="model", round="1", acc="1")
`+forever)
	c.file("a", "note.py", note)
	c.file("a/sub", "note.py", note)
	c.file("b", "note.py", note)
	c.file("a", "fails.py", "import sys; sys.exit(5)")
	if err := os.Symlink("note.py", filepath.Join(c.dir, "work", "tasks", "task_a", "link.py")); err != nil {
		t.Fatal(err)
	}
	c.start("a")
	c.eventually("the task goes on", func() bool { return c.summary("a").Round == "1" })
	c.eventually("the failure is logged", func() bool { return strings.Contains(m.log.String(), "code=5") })
	if n := strings.Count(m.log.String(), "a trigger was not run"); n != 7 {
		t.Errorf("%d triggers were not run, want 7:\n%s", n, m.log)
	}
	if got := c.notes(); got != "" || !c.running("a") {
		t.Errorf("notes %q, running %v", got, c.running("a"))
	}
}

func TestTriggersAreBounded(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", `
for i in range(6): report(type="trigger", trigger_name="slow", trigger_arguments="")
report(type="model", round="1", acc="1")
`+forever)
	c.file("a", "slow.py", "import time; time.sleep(600)")
	c.start("a")
	c.eventually("all triggers are dealt with", func() bool { return c.summary("a").Round == "1" })
	if n := strings.Count(m.log.String(), "4 triggers of the task run already"); n != 2 {
		t.Errorf("%d of 6 triggers were too many, want 2", n)
	}
	// They end with the service, and it does not wait for them for a minute.
	began := time.Now()
	m.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the service took %s to stop", took)
	}
	if n := strings.Count(m.log.String(), "a trigger failed"); n != 4 {
		t.Errorf("%d triggers were ended, want 4:\n%s", n, m.log)
	}
}

func TestTriggerOfATaskThatEnds(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", `report(type="trigger", trigger_name="note", trigger_arguments="last"); report(type="info", info="Finished")`)
	c.file("a", "note.py", "import time; time.sleep(0.2)\n"+note)
	c.start("a")
	c.becomes("a", stateFinished)
	c.eventually("the trigger ends by itself", func() bool { return strings.Contains(m.log.String(), "a trigger ended") })
	if got := c.notes(); got != "last\n" {
		t.Errorf("notes %q", got)
	}
	refused(c, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"}, "not_found")
}
