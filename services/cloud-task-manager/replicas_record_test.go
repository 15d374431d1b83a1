package cloudtaskmanager

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

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
