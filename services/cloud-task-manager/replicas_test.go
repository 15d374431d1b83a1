package cloudtaskmanager

import (
	"context"
	"fmt"
	"os"
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

// The database is away for longer than the leases last. Nobody condemns anybody.
func TestReplicasOverAnOutageOfTheDatabase(t *testing.T) {
	for name, outage := range map[string]func(*testenv.PostgresServer) (end func()){
		"dead":   func(s *testenv.PostgresServer) func() { s.Kill(); return s.Start },
		"silent": func(s *testenv.PostgresServer) func() { s.Freeze(); return s.Thaw },
	} {
		t.Run(name, func(t *testing.T) {
			server := testenv.StartPostgres(t)
			c := &replicas{newCloud(t), database.Server{URL: server.URL}}
			a, b := c.replica("a"), c.replica("b")
			c.user(contract.User{ID: "u"})
			pids := map[string]int{}
			for id, m := range map[string]*manager{"one": a, "two": b} {
				c.task(id, forever)
				c.startAt(m, id)
				pids[id] = c.summary(id).PID
			}
			time.Sleep(testLease) // they are in touch for long enough to condemn
			end := outage(server)
			short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if _, err := a.requestTasks(short, contract.UserIDRequest{UserID: "u"}); rpc.CodeOf(err) != rpc.Unavailable {
				t.Errorf("a poll without the database: %v", err)
			}
			time.Sleep(testLease + 2*time.Second)
			end()
			testenv.Eventually(t, time.Minute, "both have their leases", func() bool {
				var n int
				err := a.store.db.View(t.Context(), func(q database.Querier) error {
					return q.QueryRowContext(t.Context(), `SELECT count(*) FROM instances WHERE lease_until > clock_timestamp()`).Scan(&n)
				})
				return err == nil && n == 2
			})
			time.Sleep(testLease + 3*time.Second) // somebody would have been condemned
			for id, pid := range pids {
				if s := c.summary(id); s.State != "running" || s.PID != pid || gone(pid) {
					t.Errorf("%s is %+v, its process was %d", id, s, pid)
				}
			}
			if got := c.offeredBy(a, "u"); got != "one two" && got != "two one" {
				t.Errorf("offered %q", got)
			}
			if _, err := a.stopServerTask(t.Context(), contract.TaskIDRequest{TaskID: "two"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// The tasks of an earlier release, which knew no owners, are of whoever has their
// processes, and else of nobody.
func TestReplicasFindTheTasksOfAnEarlierRelease(t *testing.T) {
	c := newReplicas(t)
	a := c.replica("a", keepTasks)
	for _, id := range []string{"here", "gone"} {
		c.task(id, forever)
		c.startAt(a, id)
	}
	pid := c.summary("here").PID
	a.exec(t, `UPDATE tasks SET owner = ''`)
	a.exec(t, `UPDATE tasks SET execution_id = 'another' WHERE id = 'gone'`)
	a.stop()
	b := c.replica("b")
	a = c.replica("a")
	if _, err := b.stopServerTask(t.Context(), contract.TaskIDRequest{TaskID: "here"}); err != nil {
		t.Errorf("a stop by the other: %v", err)
	}
	c.eventually("its process ends", func() bool { return gone(pid) })
	testenv.Eventually(t, lostWithin, "what nobody has is lost", func() bool { return c.summary("gone").State == "failed" })
	if s := c.summary("gone"); !strings.HasPrefix(s.Reason, "lost: ") {
		t.Errorf("lost: %+v", s)
	}
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

// A task that is recorded as running here, and does not, is lost, and not for ever
// running: a commit whose outcome was not known may have left it.
func TestReplicaFindsWhatItDoesNotRun(t *testing.T) {
	c := newReplicas(t)
	a := c.replica("a")
	c.task("t", forever)
	c.startAt(a, "t")
	c.halt("t")
	a.exec(t, `UPDATE tasks SET state = 'running', withdrawn = 0, ended_ms = NULL, reason = '' WHERE id = 't'`)
	testenv.Eventually(t, lostWithin, "it is lost", func() bool { return c.summary("t").State == "failed" })
	if s := c.summary("t"); !strings.HasPrefix(s.Reason, "lost: the service found no process of it") {
		t.Errorf("lost: %+v", s)
	}
	c.start("t")
}

// A standby takes over that lacks the last commits: numbers of changes come again,
// and what is on offer is read anew.
func TestReplicaOfADatabaseThatWentBack(t *testing.T) {
	c := newReplicas(t)
	a := c.replica("a")
	c.user(contract.User{ID: "u", DataQnt: ptr(int64(5))})
	c.task("t", forever)
	c.start("t")
	for range 3 {
		must(c.cloud, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "t", Host: ptr("h")})
	}
	if got := c.offeredBy(a, "u"); got != "t" {
		t.Fatalf("offered %q", got)
	}
	at, _ := a.shared.tail.at()
	a.exec(t, `DELETE FROM changes WHERE seq > ?`, at-2)
	c.eventually("it has gone back, too", func() bool { now, _ := a.shared.tail.at(); return now == at-2 })
	f := c.followChanges()
	must(c.cloud, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "t", SelectionCriteria: ptr("data_qnt > 10")})
	if got := c.offeredBy(a, "u"); got != "" {
		t.Errorf("offered %q after an update", got)
	}
	f.want("t updated: all")
}
