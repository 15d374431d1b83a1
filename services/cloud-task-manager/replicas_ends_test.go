package cloudtaskmanager

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Files and revocations are known everywhere.
func TestReplicasShareFilesAndRevocations(t *testing.T) {
	c := newReplicas(t)
	a, b := c.replica("a"), c.replica("b")
	c.user(contract.User{ID: "u"})
	ada := newSigner(t)
	c.create("t", "")
	first := c.signed("t", ada, map[string]string{"server.py": preamble + forever, "client.py": ""})
	c.startAt(b, "t")
	bundleAt := func(m *manager) string {
		t.Helper()
		tasks, err := m.requestTasks(t.Context(), contract.UserIDRequest{UserID: "u"})
		if err != nil || len(tasks) != 1 {
			t.Fatalf("offered %+v, %v", tasks, err)
		}
		return tasks[0].Bundle
	}
	for _, m := range []*manager{a, b} {
		if got := bundleAt(m); got != first {
			t.Errorf("offered with bundle %.8s, want %.8s", got, first)
		}
	}
	f := c.followChanges() // from where both are
	second := c.signed("t", ada, map[string]string{"server.py": preamble + forever, "client.py": "# other"})
	a.received(t.Context(), "t", nil) // as after an upload
	f.want("t updated: all")
	for _, m := range []*manager{a, b} {
		if got := bundleAt(m); got != second || got == first {
			t.Errorf("offered with bundle %.8s, want %.8s", got, second)
		}
	}
	if _, err := a.revokeBundle(t.Context(), contract.RevokeRequest{Digest: second, Others: []string{first}}); err != nil {
		t.Fatal(err)
	}
	if s := c.becomes("t", stateStopped); !strings.HasPrefix(s.Reason, "revoked") {
		t.Errorf("after the revocation: %+v", s)
	}
	for _, m := range []*manager{a, b} {
		if _, err := m.startServerTask(t.Context(), contract.StartTaskRequest{TaskID: "t"}); rpc.CodeOf(err) != rpc.Forbidden {
			t.Errorf("a start of what is revoked: %v", err)
		}
	}
}

// What ends by itself is off offer everywhere, at once.
func TestReplicasTakeOffWhatReportsItsEnd(t *testing.T) {
	c := newReplicas(t)
	a, b := c.replica("a"), c.replica("b")
	c.user(contract.User{ID: "u"})
	c.task("t", `
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while not os.path.exists(sys.argv[1] + "/go"): time.sleep(0.01)
report(type="info", info="Finished")
`+forever)
	c.startAt(a, "t")
	if got := c.offeredBy(b, "u"); got != "t" {
		t.Fatalf("offered %q", got)
	}
	f := c.followChanges()
	c.file("t", "../../go", "")
	c.eventually("it is off while its process lasts", func() bool { return c.offeredBy(b, "u") == "" })
	if s := c.summary("t"); s.State != "running" {
		t.Errorf("it has ended before its process: %+v", s)
	}
	// A start elsewhere waits for the end.
	if _, err := b.startServerTask(t.Context(), contract.StartTaskRequest{TaskID: "t"}); err != nil {
		t.Errorf("a start at the other: %v", err)
	}
	f.want("t ended: all", "t started: all")
}

// One that stops in order is gone at once: a task that it had ended starts elsewhere,
// and the rest of what it knew is read there. What it left running is its own.
func TestReplicaStops(t *testing.T) {
	c := newReplicas(t)
	a := c.replica("a", func(o *Options) { o.Advertise = "10.1.2.3" })
	b := c.replica("b")
	c.user(contract.User{ID: "u"})
	c.task("t", forever)
	c.startAt(a, "t")
	host := func() string {
		return must(c.cloud, contract.RequestTasks, contract.UserIDRequest{UserID: "u"})[0].Host
	}
	for range 2 {
		if got := host(); got != "10.1.2.3" {
			t.Errorf("clients look for the server at %s", got)
		}
	}
	a.stop()
	if s := c.summary("t"); s.State != "stopped" || !strings.HasPrefix(s.Reason, "service_stop") {
		t.Errorf("after the stop: %+v", s)
	}
	if n := b.count(t, `SELECT count(*) FROM instances`); n != 1 {
		t.Errorf("%d managers have a lease", n)
	}
	c.eventually("the other knows that it is alone", func() bool { b.seen.mu.Lock(); defer b.seen.mu.Unlock(); return !b.seen.others })
	c.start("t")
	if got := host(); got != "127.0.0.1" {
		t.Errorf("clients look for the server at %s", got)
	}
	refused(c.cloud, contract.DeleteTask, contract.TaskIDRequest{TaskID: "t"}, rpc.Conflict)
	c.halt("t")
	must(c.cloud, contract.DeleteTask, contract.TaskIDRequest{TaskID: "t"})
}

// A deleted task's last execution is deleted by the one that ran it.
func TestReplicasDeleteATask(t *testing.T) {
	c := newReplicas(t)
	a, b := c.replica("a"), c.replica("b")
	c.task("t", forever)
	c.startAt(a, "t")
	c.halt("t")
	if _, err := b.deleteTask(t.Context(), contract.TaskIDRequest{TaskID: "t"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "work", "tasks", "task_t")); !os.IsNotExist(err) {
		t.Errorf("its files are there: %v", err)
	}
	c.eventually("nothing is left of its execution", func() bool { return len(a.procs.Processes()) == 0 })
}
