package cloudtaskmanager

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// testLease is the shortest that a setting may be.
const testLease = 5 * time.Second

// replicas is a cloud whose task managers share a database, a work folder and a broker.
type replicas struct {
	*cloud
	server database.Server
}

func newReplicas(t testing.TB) *replicas {
	t.Helper()
	return &replicas{newCloud(t), database.Server{URL: testenv.Postgres(t)}}
}

// replica starts one of the managers on its own data folder.
func (c *replicas) replica(name string, adjust ...func(*Options)) *manager {
	c.Helper()
	return c.manager(append([]func(*Options){func(o *Options) {
		o.Data, o.Database, o.Lease = filepath.Join(c.dir, name), c.server, testLease
	}}, adjust...)...)
}

// startAt starts a task at one of the managers, whichever the broker would choose.
func (c *replicas) startAt(m *manager, id string) {
	c.Helper()
	if _, err := m.startServerTask(c.Context(), contract.StartTaskRequest{TaskID: id}); err != nil {
		c.Fatalf("start %s: %v", id, err)
	}
}

// offeredBy is what a client gets from one of the managers.
func (c *replicas) offeredBy(m *manager, user string) string {
	c.Helper()
	tasks, err := m.requestTasks(c.Context(), contract.UserIDRequest{UserID: user})
	if err != nil {
		c.Fatal(err)
	}
	var ids []string
	for _, t := range tasks {
		ids = append(ids, t.ID)
	}
	return strings.Join(ids, " ")
}

// What runs at one manager is offered, stopped and read at each; a change at one is
// known to all before anybody is answered from before it.
func TestReplicasServeEachOthersTasks(t *testing.T) {
	c := newReplicas(t)
	a, b := c.replica("a"), c.replica("b")
	c.user(contract.User{ID: "u", DataQnt: ptr(int64(5))})
	for _, id := range []string{"one", "two"} {
		c.task(id, "report(type='print', message='I am "+id+"')\n"+forever)
	}
	f := c.followChanges()
	c.startAt(a, "one")
	c.startAt(b, "two")
	f.want("one started: all", "two started: all")
	for _, m := range []*manager{a, b} {
		if got := c.offeredBy(m, "u"); got != "one two" {
			t.Errorf("offered %q", got)
		}
		for _, id := range []string{"one", "two"} {
			c.eventually("its output is read", func() bool {
				logs, err := m.serverLogs(t.Context(), contract.LogsRequest{TaskID: id})
				return err == nil && strings.Contains(strings.Join(logs.Lines, "\n"), "I am "+id)
			})
			if _, err := m.startServerTask(t.Context(), contract.StartTaskRequest{TaskID: id}); rpc.CodeOf(err) != rpc.Conflict || err.Error() != contract.TaskAlreadyRunning(id) {
				t.Errorf("a second start: %v", err)
			}
			if _, err := m.deleteTask(t.Context(), contract.TaskIDRequest{TaskID: id}); rpc.CodeOf(err) != rpc.Conflict {
				t.Errorf("a deletion of a task that runs: %v", err)
			}
		}
	}

	// Each update is seen by the next poll, wherever.
	for i, m := range []*manager{a, b, a, b} {
		criteria, want := "data_qnt > 10", "two"
		if i%2 == 1 {
			criteria, want = "", "one two"
		}
		if _, err := m.updateTask(t.Context(), contract.UpdateTaskRequest{TaskID: "one", SelectionCriteria: &criteria}); err != nil {
			t.Fatal(err)
		}
		for _, at := range []*manager{a, b} {
			if got := c.offeredBy(at, "u"); got != want {
				t.Errorf("update %d: offered %q, want %q", i, got, want)
			}
		}
	}

	// A stop reaches the owner.
	for id, m := range map[string]*manager{"one": b, "two": a} {
		if _, err := m.stopServerTask(t.Context(), contract.TaskIDRequest{TaskID: id}); err != nil {
			t.Fatalf("stop %s: %v", id, err)
		}
		if s := c.summary(id); s.State != "stopped" || !strings.HasPrefix(s.Reason, "operator_stop") {
			t.Errorf("after the stop: %+v", s)
		}
		for _, at := range []*manager{a, b} {
			if got := c.offeredBy(at, "u"); strings.Contains(got, id) {
				t.Errorf("%s is offered after its stop: %q", id, got)
			}
			if _, err := at.stopServerTask(t.Context(), contract.TaskIDRequest{TaskID: id}); rpc.CodeOf(err) != rpc.NotFound {
				t.Errorf("a second stop: %v", err)
			}
		}
	}
}
