package cloudtaskmanager

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// again makes a call under a message id, which a broker brings again in the same way.
func (c *cloud) again(messageID, function, body string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 20*time.Second)
	defer cancel()
	value, err := rpc.CallRaw(ctx, c.caller, rpc.Request{Function: function, Body: []byte(body), MessageID: messageID}, false)
	if err != nil || string(value) != "null" {
		c.Errorf("%s of %s: %s, %v", function, messageID, value, err)
	}
}

// Each call that changes something takes effect once, though it comes again to
// another run of the service and its effect has been undone meanwhile.
func TestCallsTakeEffectOnce(t *testing.T) {
	c := newCloud(t)
	m := c.manager(keepTasks)
	restart := func() {
		t.Helper()
		m.stop()
		m = c.manager(keepTasks)
	}
	a := contract.TaskIDRequest{TaskID: "a"}
	const create = `{"task_id":"a","host":"h","port":1,"username":"u","password":"p","files_paths":["x.py"]}`
	c.again("create", contract.CreateTask.Name, create)
	c.again("delete", contract.DeleteTask.Name, `{"task_id":"a"}`)
	restart()
	c.again("create", contract.CreateTask.Name, create)
	refused(c, contract.GetTask, a, rpc.NotFound)
	c.again("create 2", contract.CreateTask.Name, create)
	c.again("delete", contract.DeleteTask.Name, `{"task_id":"a"}`)
	must(c, contract.GetTask, a)

	c.again("update", contract.UpdateTask.Name, `{"task_id":"a","host":"first"}`)
	c.again("update 2", contract.UpdateTask.Name, `{"task_id":"a","host":"second"}`)
	restart()
	c.again("update", contract.UpdateTask.Name, `{"task_id":"a","host":"first"}`)
	if got := must(c, contract.GetTask, a); got.Host != "second" {
		t.Errorf("an update that came again was carried out again: host %q", got.Host)
	}

	c.file("a", "x.py", "first")
	c.again("file", contract.DeleteTaskFile.Name, `{"task_id":"a","path":"x.py"}`)
	c.file("a", "x.py", "second")
	restart()
	c.again("file", contract.DeleteTaskFile.Name, `{"task_id":"a","path":"x.py"}`)
	if got := must(c, contract.ListTaskFiles, a); len(got.Files) != 1 {
		t.Errorf("the files are %+v", got)
	}

	c.file("a", "server.py", preamble+forever)
	c.again("start", contract.StartServerTask.Name, `{"task_id":"a"}`)
	c.again("stop", contract.StopServerTask.Name, `{"task_id":"a"}`)
	restart()
	c.again("start", contract.StartServerTask.Name, `{"task_id":"a"}`)
	if got := c.summary("a"); got.State != "stopped" {
		t.Errorf("a start that came again: %+v", got)
	}
	c.again("start 2", contract.StartServerTask.Name, `{"task_id":"a"}`)
	c.again("stop", contract.StopServerTask.Name, `{"task_id":"a"}`)
	if got := c.summary("a"); got.State != "running" {
		t.Errorf("a stop that came again: %+v", got)
	}
	c.halt("a")
}

// The store forgets nothing but what it must, and no call pays for many.
func TestCallsAreForgotten(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.create("a", "")
	update := func(id string) {
		t.Helper()
		c.again(id, contract.UpdateTask.Name, `{"task_id":"a","host":"h"}`)
	}
	for i := range 20 {
		update(fmt.Sprint(i))
	}
	old := time.Now().Add(-database.CallsKept - time.Minute).UnixMilli()
	m.exec(t, `UPDATE calls SET at_ms = ? WHERE seq <= (SELECT min(seq) + 9 FROM calls)`, old)
	update("a")
	update("b")
	if n := m.count(t, `SELECT count(*) FROM calls`); n != 21-10+2 {
		t.Errorf("%d calls are kept", n)
	}
	m.exec(t, `UPDATE calls SET seq = seq + ? WHERE seq = (SELECT max(seq) FROM calls)`, database.MaxCalls)
	update("c")
	if n := m.count(t, `SELECT count(*) FROM calls`); n != 21-10+2+1-8 {
		t.Errorf("%d calls are kept beyond the bound", n)
	}
}

func (m *manager) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	err := m.store.db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (m *manager) count(t *testing.T, query string) (n int) {
	t.Helper()
	err := m.store.db.View(t.Context(), func(q database.Querier) error { return q.QueryRowContext(t.Context(), query).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// counted is a server that leaves a mark of each of its processes.
const counted = `open(sys.argv[1] + "/marks", "a").write("x")` + "\n"

func (c *cloud) marks() int {
	b, err := os.ReadFile(filepath.Join(c.dir, "work", "marks"))
	if err != nil && !os.IsNotExist(err) {
		c.Fatal(err)
	}
	return len(b)
}

// A service that dies between the announcement of a start and its record: the
// next one finds out what became of it, and the call that comes again starts no
// second copy.
func TestAStartThatWasCutShort(t *testing.T) {
	const start = `{"task_id":"a"}`
	// unrecorded makes the record of a start what it was before the process was there.
	unrecorded := func(t *testing.T, m *manager) {
		t.Helper()
		m.exec(t, `INSERT INTO starts SELECT execution_id, id, 'rpc_exec_start_server_task', 'm', started_ms, owner FROM tasks WHERE id = 'a'`)
		m.exec(t, `UPDATE tasks SET state = 'new', execution_id = '', pid = 0, started_ms = NULL WHERE id = 'a'`)
		m.exec(t, `DELETE FROM calls WHERE message_id = 'm'`)
	}
	setUp := func(t *testing.T, body string) (*cloud, *manager) {
		t.Helper()
		c := newCloud(t)
		m := c.manager(keepTasks)
		c.task("a", counted+body)
		c.again("m", contract.StartServerTask.Name, start)
		c.eventually("the task has begun", func() bool { return c.marks() == 1 })
		return c, m
	}
	settled := func(t *testing.T, c *cloud, m *manager, marks int) {
		t.Helper()
		c.again("m", contract.StartServerTask.Name, start)
		if n := m.count(t, `SELECT count(*) FROM starts`); n != 0 {
			t.Errorf("%d starts are announced still", n)
		}
		c.eventually("as many processes as there should be", func() bool { return c.marks() == marks })
		time.Sleep(300 * time.Millisecond) // one more would show
		if n := c.marks(); n != marks {
			t.Errorf("%d processes ran, want %d", n, marks)
		}
	}
	t.Run("it runs", func(t *testing.T) {
		c, m := setUp(t, forever)
		pid := c.summary("a").PID
		unrecorded(t, m)
		m.stop()
		m = c.manager()
		settled(t, c, m, 1)
		if got := c.summary("a"); got.State != "running" || got.PID != pid {
			t.Errorf("after the restart: %+v, want it running as %d", got, pid)
		}
	})
	t.Run("it has ended", func(t *testing.T) {
		c, m := setUp(t, `
while not os.path.exists(sys.argv[1] + "/go"): time.sleep(0.01)
sys.exit(4)
`)
		folder := m.runs.process("a").Folder()
		unrecorded(t, m)
		m.stop()
		if err := os.WriteFile(filepath.Join(c.dir, "work", "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c.eventually("it ends unseen", func() bool { _, err := os.Stat(folder + "/exit.json"); return err == nil })
		m = c.manager()
		if got := c.summary("a"); got.State != "failed" || !strings.Contains(got.Reason, "exit code 4") {
			t.Errorf("after the restart: %+v", got)
		}
		settled(t, c, m, 1)
		c.start("a") // another call starts it again
	})
	t.Run("it never was", func(t *testing.T) {
		c := newCloud(t)
		m := c.manager()
		c.task("a", counted+forever)
		m.exec(t, `INSERT INTO starts VALUES (?, 'a', 'rpc_exec_start_server_task', 'm', 1, '')`, uuid.NewString())
		m.stop()
		settled(t, c, c.manager(), 1)
	})
	t.Run("nobody can tell", func(t *testing.T) {
		c := newCloud(t)
		m := c.manager()
		c.task("a", counted+forever)
		id := uuid.NewString()
		m.exec(t, `INSERT INTO starts VALUES (?, 'a', 'rpc_exec_start_server_task', 'm', 1, '')`, id)
		m.stop()
		folder := m.executionFolder(id)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"spec", "exit.json"} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte("garbage"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m = c.manager()
		settled(t, c, m, 0)
		if got := c.summary("a"); got.State != "failed" || !strings.Contains(got.Reason, "look before you start it again") {
			t.Errorf("after the restart: %+v", got)
		}
	})
	t.Run("its task is gone", func(t *testing.T) {
		c, m := setUp(t, forever)
		pid := c.summary("a").PID
		unrecorded(t, m)
		m.exec(t, `DELETE FROM tasks`)
		m.stop()
		m = c.manager()
		c.eventually("the process ends", func() bool { return syscall.Kill(pid, 0) != nil })
		if n := m.count(t, `SELECT count(*) FROM starts`); n != 0 {
			t.Errorf("%d starts are announced still", n)
		}
	})
}

// The service is killed at some moment of a start, and the broker brings the call
// to the next one: exactly one process, and the caller has its answer.
func TestAStartOverAKill(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		c := newCloudOn(t, broker, nil)
		spec, err := json.Marshal(managerSpec{Broker: broker, Dir: c.dir, Server: c.server()})
		if err != nil {
			t.Fatal(err)
		}
		begin := func() *exec.Cmd {
			t.Helper()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), managerVar+"="+string(spec))
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			return cmd
		}
		manager := begin()
		testenv.Eventually(t, 30*time.Second, "the manager serves", func() bool {
			_, err := c.call(contract.UpdateTask.Name, `{"task_id":"a"}`) // the last one that is served
			return rpc.CodeOf(err) == rpc.NotFound
		})
		c.task("a", counted+forever)
		const rounds = 12
		for round := range rounds {
			answered := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
				defer cancel()
				_, err := rpc.CallRaw(ctx, c.caller, rpc.Request{Function: contract.StartServerTask.Name, Body: []byte(`{"task_id":"a"}`),
					MessageID: fmt.Sprint("round ", round)}, false)
				answered <- err
			}()
			time.Sleep(time.Duration(round) * 2 * time.Millisecond)
			if err := manager.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = manager.Wait()
			manager = begin()
			if err := <-answered; err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			c.eventually("the task has begun", func() bool {
				if s := c.summary("a"); s.State != "running" {
					t.Fatalf("round %d: %d processes ran, and the task is %+v", round, c.marks(), s)
				}
				return c.marks() >= round+1
			})
			time.Sleep(200 * time.Millisecond) // a second copy would show
			if n := c.marks(); n != round+1 {
				t.Fatalf("round %d: %d processes ran", round, n)
			}
			c.halt("a")
		}
	})
}
