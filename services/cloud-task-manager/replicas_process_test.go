package cloudtaskmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// lostWithin is longer than the others take to find that a manager is gone, on a
// machine that is busy.
const lostWithin = 40 * time.Second

// replicaProcess is a manager in a process of its own.
type replicaProcess struct {
	c    *replicas
	name string
	cmd  *exec.Cmd
}

// begin starts one on its data folder, again after kill.
func (p *replicaProcess) begin() {
	p.c.Helper()
	spec, err := json.Marshal(managerSpec{Broker: p.c.broker, Dir: p.c.dir, Data: p.name, Server: p.c.server, Lease: testLease})
	if err != nil {
		p.c.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), managerVar+"="+string(spec))
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.c.Fatal(err)
	}
}

func (p *replicaProcess) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (p *replicaProcess) signal(s syscall.Signal) {
	p.c.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.c.Fatal(err)
	}
}

// id is the instance's, once it has one.
func (p *replicaProcess) id() string {
	text, err := os.ReadFile(filepath.Join(p.c.dir, p.name, "instance"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// processes starts managers in processes of their own, and waits until each has its
// lease and serves.
func (c *replicas) processes(names ...string) (all []*replicaProcess, db *database.DB) {
	c.Helper()
	for _, name := range names {
		p := &replicaProcess{c: c, name: name}
		p.begin()
		c.Cleanup(p.kill)
		all = append(all, p)
	}
	db, err := database.Open(c.Context(), "cloud-task-manager.db", migrations(), database.Options{Server: c.server})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { db.Close() })
	testenv.Eventually(c, time.Minute, "all have a lease, and serve", func() bool {
		answers, err := c.caller.Ask(c.Context(), "ping", 200*time.Millisecond)
		return err == nil && len(answers) > len(all) && c.number(db, `SELECT count(*) FROM instances`) == len(all)
	})
	return all, db
}

func (c *replicas) number(db *database.DB, query string, args ...any) (n int) {
	c.Helper()
	if err := db.View(c.Context(), func(q database.Querier) error { return q.QueryRowContext(c.Context(), query, args...).Scan(&n) }); err != nil {
		c.Fatal(err)
	}
	return n
}

// owner is which of the processes runs a task.
func (c *replicas) owner(db *database.DB, all []*replicaProcess, task string) *replicaProcess {
	c.Helper()
	for _, p := range all {
		if c.number(db, `SELECT count(*) FROM tasks WHERE id = ? AND owner = ? AND state = 'running'`, task, p.id()) == 1 {
			return p
		}
	}
	return nil
}

// spread starts tasks until each process runs one, and returns one of each.
func (c *replicas) spread(db *database.DB, all []*replicaProcess) map[*replicaProcess]string {
	c.Helper()
	of := map[*replicaProcess]string{}
	for i := 0; len(of) < len(all); i++ {
		if i == 40 {
			c.Fatalf("of 40 starts only %d managers took one", len(of))
		}
		id := fmt.Sprintf("task-%d", i)
		c.task(id, "report(type='print', message='I am "+id+"')\n"+forever)
		c.start(id)
		p := c.owner(db, all, id)
		if p == nil {
			c.Fatalf("%s runs nowhere", id)
		}
		if of[p] != "" {
			c.halt(id)
			continue
		}
		of[p] = id
	}
	return of
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

// A manager dies. Within its lease it may come back and find its tasks; after that
// they are lost, start again elsewhere, and what it left is ended when it comes back.
func TestReplicaIsKilled(t *testing.T) {
	c := newReplicas(t)
	c.user(contract.User{ID: "u"})
	all, db := c.processes("a", "b", "c")
	tasks := c.spread(db, all)
	pids := map[string]int{}
	for _, id := range tasks {
		pids[id] = c.summary(id).PID
		for range 2 * len(all) { // by whichever answers
			c.output(id, "I am "+id)
		}
	}

	// Back within the lease.
	all[0].kill()
	all[0].begin()
	c.eventually("it has taken over its own", func() bool {
		answers, err := c.caller.Ask(t.Context(), "ping", 200*time.Millisecond)
		return err == nil && len(answers) > len(all)
	})
	time.Sleep(2 * testLease)
	for _, id := range tasks {
		if s := c.summary(id); s.State != "running" || s.PID != pids[id] {
			t.Errorf("after a restart within the lease: %+v, want it running as %d", s, pids[id])
		}
	}

	// Gone for good.
	dead, lost := all[1], tasks[all[1]]
	f := c.followChanges()
	dead.kill()
	short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := rpc.Call(short, c.caller, contract.StopServerTask, contract.TaskIDRequest{TaskID: lost})
	if err == nil || rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), dead.id()) || !strings.Contains(err.Error(), "recorded as lost within") {
		t.Errorf("a stop whose owner is dead: %v", err)
	}
	testenv.Eventually(t, lostWithin, "its task is lost", func() bool { return c.summary(lost).State == "failed" })
	if s := c.summary(lost); !strings.HasPrefix(s.Reason, "lost: the task manager on ") || !strings.Contains(s.Reason, dead.id()) {
		t.Errorf("lost: %+v", s)
	}
	f.want(lost + " ended: all")
	if text := refused(c.cloud, contract.ServerLogs, contract.LogsRequest{TaskID: lost}, rpc.Unavailable); !strings.Contains(text, "its output is kept there") {
		t.Errorf("the output of a task whose manager is gone: %q", text)
	}
	for _, id := range tasks {
		if s := c.summary(id); id != lost && (s.State != "running" || s.PID != pids[id]) {
			t.Errorf("the others' tasks: %+v", s)
		}
	}
	c.start(lost)
	again := c.summary(lost).PID
	if p := c.owner(db, all, lost); p == nil || p == dead {
		t.Errorf("it was started again by %+v", p)
	}
	if gone(pids[lost]) {
		t.Error("the first process ended by itself")
	}
	dead.begin()
	testenv.Eventually(t, lostWithin, "the process that nobody wants ends", func() bool { return gone(pids[lost]) })
	if s := c.summary(lost); s.State != "running" || s.PID != again || gone(again) {
		t.Errorf("after the dead one is back: %+v", s)
	}
	for _, id := range tasks {
		c.halt(id)
	}
}

// A manager that was suspended comes to, and ends what was given to others.
func TestReplicaIsSuspended(t *testing.T) {
	c := newReplicas(t)
	all, db := c.processes("a", "b")
	tasks := c.spread(db, all)
	late, id := all[0], tasks[all[0]]
	pid, other := c.summary(id).PID, c.summary(tasks[all[1]]).PID
	late.signal(syscall.SIGSTOP)
	testenv.Eventually(t, lostWithin, "its task is lost", func() bool {
		return c.number(db, `SELECT count(*) FROM tasks WHERE id = ? AND state = 'failed' AND reason = 'lost'`, id) == 1
	})
	late.signal(syscall.SIGCONT)
	testenv.Eventually(t, lostWithin, "the process that nobody wants ends", func() bool { return gone(pid) })
	testenv.Eventually(t, lostWithin, "it has its lease again", func() bool {
		return c.number(db, `SELECT count(*) FROM instances WHERE id = ? AND lease_until > clock_timestamp()`, late.id()) == 1
	})
	if s := c.summary(id); s.State != "failed" || !strings.HasPrefix(s.Reason, "lost") {
		t.Errorf("the task is %+v", s)
	}
	if s := c.summary(tasks[all[1]]); s.State != "running" || s.PID != other {
		t.Errorf("the other's task is %+v", s)
	}
	c.start(id) // anybody may
	for _, id := range tasks {
		c.halt(id)
	}
}
