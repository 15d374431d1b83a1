package cloudtaskmanager

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestRestartAdoptsRunningTasks(t *testing.T) {
	c := newCloud(t)
	first := c.manager(keepTasks)
	c.user(contract.User{ID: "u"})
	c.task("a", `
print("before", flush=True)
while not os.path.exists(sys.argv[1] + "/go"): time.sleep(0.01)
report(type="model", round="7", acc="0.7")
`+forever)
	c.start("a")
	c.output("a", "before")
	pid := c.summary("a").PID
	first.stop()
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the task did not outlive the service: %v", err)
	}

	second := c.manager()
	if got := c.summary("a"); got.State != "running" || got.PID != pid {
		t.Errorf("after the restart: %+v, want it running as %d", got, pid)
	}
	c.wantOffered("u", "a")
	refused(c, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"}, "conflict")
	// Reports go on.
	if err := os.WriteFile(filepath.Join(c.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.eventually("the adopted task's report is stored", func() bool { return c.summary("a").Round == "7" })
	c.output("a", "before")
	// A service that does not keep its tasks stops them.
	second.stop()
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the task outlived a service that stops its tasks")
	}
	c.manager()
	if got := c.summary("a"); got.State != "stopped" || got.Reason != "service_stopped: the service stopped" {
		t.Errorf("after the stop: %+v", got)
	}
	c.wantOffered("u")
	c.output("a", "before") // kept until the next start
	c.start("a")
}

func TestRestartFindsTrueEnds(t *testing.T) {
	c := newCloud(t)
	first := c.manager(keepTasks)
	wait := "\nwhile not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.01)\n"
	c.task("finished", wait+`report(type="info", info="Finished")`)
	c.task("error", wait+`report(type="error", exception="bad")`)
	c.task("code", wait+`sys.exit(4)`)
	c.task("gone", forever)
	ids := []string{"finished", "error", "code", "gone"}
	folders := map[string]string{}
	pids := map[string]int{}
	for _, id := range ids {
		c.start(id)
		folders[id], pids[id] = first.runs.process(id).Folder(), c.summary(id).PID
	}
	first.stop()
	if err := os.WriteFile(filepath.Join(c.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pids["gone"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		c.eventually(id+" ends unseen", func() bool {
			_, err := os.Stat(filepath.Join(folders[id], "exit.json"))
			return err == nil
		})
	}
	if err := os.RemoveAll(folders["gone"]); err != nil {
		t.Fatal(err)
	}

	c.manager()
	for id, want := range map[string]string{
		"finished": "finished: it reported Finished",
		"error":    "report_error: bad",
		"code":     "exit_nonzero: the process ended with exit code 4",
		"gone":     "lost: the service found no process of it",
	} {
		got := c.summary(id)
		if got.Reason != want || (got.State == "finished") != (id == "finished") || got.State == "running" {
			t.Errorf("%s: %+v, want %q", id, got, want)
		}
	}
}

// A service that dies between the start of a process and its record leaves an
// execution that the record does not know.
func TestRestartAdoptsWhatWasNotRecorded(t *testing.T) {
	c := newCloud(t)
	first := c.manager(keepTasks)
	c.task("a", forever)
	c.task("b", forever)
	c.start("a")
	c.start("b")
	pids := map[string]int{"a": c.summary("a").PID, "b": c.summary("b").PID}
	first.stop()

	db, err := database.Open(t.Context(), filepath.Join(c.dir, "data", "cloud-task-manager.db"), migrations(), database.Options{Server: c.server()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStore(t.Context(), db, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		`INSERT INTO starts SELECT execution_id, id, '', '', 1, owner FROM tasks WHERE id = 'a'`,
		`UPDATE tasks SET state = 'new', execution_id = '', pid = 0 WHERE id = 'a'`,
		`DELETE FROM tasks WHERE id = 'b'`,
	} {
		stmt, err := db.PrepareWrite(t.Context(), query)
		if err == nil {
			err = s.exec(t.Context(), "", stmt)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	m := c.manager()
	if got := c.summary("a"); got.State != "running" || got.PID != pids["a"] {
		t.Errorf("after the restart: %+v, want it running as %d", got, pids["a"])
	}
	c.eventually("the process of a task that is not registered ends", func() bool { return syscall.Kill(pids["b"], 0) != nil })
	c.eventually("its files go", func() bool { return len(m.procs.Processes()) == 1 })
}

func TestStopRefusesFurtherStarts(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", forever)
	m.gate.close()
	if text := refused(c, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"}, "unavailable"); !strings.Contains(text, "stopping") {
		t.Errorf("got %q", text)
	}
}

func TestNewChecksItsOptions(t *testing.T) {
	c := newCloud(t)
	for name, spoil := range map[string]func(*Options){
		"data":      func(o *Options) { o.Data = "" },
		"work":      func(o *Options) { o.Work = "" },
		"address":   func(o *Options) { o.FilesAddr = "" },
		"transport": func(o *Options) { o.Base.Transport = nil },
	} {
		opt := Options{Data: c.dir, Work: c.dir, FilesAddr: "127.0.0.1:0"}
		opt.Base.Transport, opt.Base.Schemas = c.caller, c.schemas
		spoil(&opt)
		if s, err := New(opt); err == nil {
			t.Errorf("New accepts options without %s", name)
			_ = s.Close()
		}
	}
	opt := Options{Data: c.dir, Work: c.dir, FilesAddr: "127.0.0.1:0"}
	opt.Base.Transport, opt.Base.Schemas = c.caller, c.schemas
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	// An end before the beginning is a clean stop.
	s, err = New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("a run that is stopped at once: %v", err)
	}
}
