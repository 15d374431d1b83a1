package cloudtaskmanager

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// Of two starts of one task at the same moment one wins, and there is one process.
func TestReplicasStartATaskOnce(t *testing.T) {
	c := newReplicas(t)
	managers := []*manager{c.replica("a"), c.replica("b")}
	c.task("t", counted+forever)
	const rounds = 8
	for round := range rounds {
		errs := make([]error, len(managers))
		var wg sync.WaitGroup
		for i, m := range managers {
			wg.Go(func() { _, errs[i] = m.startServerTask(t.Context(), contract.StartTaskRequest{TaskID: "t"}) })
		}
		wg.Wait()
		won := slices.Index(errs, nil)
		if won < 0 || rpc.CodeOf(errs[1-won]) != rpc.Conflict || errs[1-won].Error() != contract.TaskAlreadyRunning("t") {
			t.Fatalf("round %d: %v", round, errs)
		}
		c.eventually("its process has begun", func() bool { return c.marks() == round+1 })
		if n := len(managers[0].runs.all()) + len(managers[1].runs.all()); n != 1 {
			t.Errorf("round %d: %d processes", round, n)
		}
		if _, err := managers[round%2].stopServerTask(t.Context(), contract.TaskIDRequest{TaskID: "t"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := managers[0].count(t, `SELECT count(*) FROM starts`); n != 0 {
		t.Errorf("%d starts are announced still", n)
	}
}

// A call is made once, though it comes again to another manager.
func TestReplicasRememberEachOthersCalls(t *testing.T) {
	c := newReplicas(t)
	a := c.replica("a")
	c.task("t", forever)
	c.again("start", contract.StartServerTask.Name, `{"task_id":"t"}`)
	c.replica("b")
	for range 3 {
		c.again("start", contract.StartServerTask.Name, `{"task_id":"t"}`)
	}
	for i := range 2 {
		for range 4 { // by each of the two
			c.again(fmt.Sprint("stop ", i), contract.StopServerTask.Name, `{"task_id":"t"}`)
		}
		c.startAt(a, "t")
	}
	c.again("stop 0", contract.StopServerTask.Name, `{"task_id":"t"}`)
	if s := c.summary("t"); s.State != "running" {
		t.Errorf("a stop that came again was carried out again: %+v", s)
	}
	c.halt("t")
}

// What is passed on between managers is for them alone, and done in the name of who
// asked the first.
func TestReplicasPassOnSealed(t *testing.T) {
	c := newReplicas(t)
	key, err := rpc.NewKey([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	sealed := func() *rpc.SealedTransport {
		return rpc.Sealed(c.transport(), rpc.SealOptions{Key: key, Self: rpc.Identity{Kind: rpc.Service, Name: "cloud-task-manager"}})
	}
	under := func(o *Options) { o.Base.Transport, o.Key = sealed(), key }
	a, b := c.replica("a", under), c.replica("b", under)
	viewer := rpc.Identity{Kind: rpc.Operator, Name: "vera", Role: contract.RoleViewer}
	operator := rpc.Identity{Kind: rpc.Operator, Name: "otto", Role: contract.RoleOperator}
	as := func(who rpc.Identity) context.Context { return rpc.WithIdentity(t.Context(), who) }
	caller := sealed()
	if _, err := rpc.Call(as(operator), caller, contract.CreateTask, contract.CreateTaskRequest{TaskID: "t", Host: "h", Port: 1, FilesPaths: []string{}}); err != nil {
		t.Fatal(err)
	}
	c.file("t", "server.py", preamble+"report(type='print', message='here')\n"+forever)
	c.startAt(a, "t")
	c.eventually("a viewer reads its output at each", func() bool {
		logs, err := rpc.Call(as(viewer), caller, contract.ServerLogs, contract.LogsRequest{TaskID: "t"})
		direct, err2 := b.serverLogs(as(viewer), contract.LogsRequest{TaskID: "t"})
		return err == nil && err2 == nil && slices.Contains(logs.Lines, "here") && slices.Contains(direct.Lines, "here")
	})
	stop := ownedRequest{Function: contract.StopServerTask.Name, Body: []byte(`{"task_id":"t"}`)}
	for _, who := range []rpc.Identity{viewer, operator} {
		if _, err := rpc.Call(as(who), caller, ownedBy(a.shared.id), stop); rpc.CodeOf(err) != rpc.Forbidden {
			t.Errorf("%s called what is for managers: %v", who, err)
		}
	}
	if reply, err := rpc.Call(t.Context(), caller, ownedBy(a.shared.id), ownedRequest{Function: contract.DeleteTask.Name, Body: stop.Body}); err != nil || reply.Code != rpc.Invalid {
		t.Errorf("a function that is not passed on: %+v, %v", reply, err)
	}
	if _, err := b.stopServerTask(as(operator), contract.TaskIDRequest{TaskID: "t"}); err != nil {
		t.Error(err)
	}
}
