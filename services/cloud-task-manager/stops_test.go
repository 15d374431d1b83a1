package cloudtaskmanager

import (
	"syscall"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// A service that dies in the middle of a stop: the next one goes on with it, knows
// why, and answers the call that comes again.
func TestAStopThatWasCutShort(t *testing.T) {
	const stop = `{"task_id":"a"}`
	announced := func(t *testing.T, m *manager) {
		t.Helper()
		m.exec(t, `INSERT INTO stops SELECT execution_id, 'operator_stop', 'it was asked to stop', 'rpc_exec_stop_server_task', 's', 1 FROM tasks WHERE id = 'a'`)
	}
	settled := func(t *testing.T, c *cloud, m *manager) {
		t.Helper()
		c.again("s", contract.StopServerTask.Name, stop)
		if got := c.summary("a"); got.State != "stopped" || got.Reason != "operator_stop: it was asked to stop" {
			t.Errorf("after the restart: %+v", got)
		}
		if n := m.count(t, `SELECT count(*) FROM stops`); n != 0 {
			t.Errorf("%d stops are announced still", n)
		}
		refused(c, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"}, "not_found") // another call
	}
	setUp := func(t *testing.T) (*cloud, *manager, int) {
		t.Helper()
		c := newCloud(t)
		m := c.manager(keepTasks)
		c.task("a", counted+forever)
		c.start("a")
		c.eventually("the task has begun", func() bool { return c.marks() == 1 })
		return c, m, c.summary("a").PID
	}
	t.Run("it runs", func(t *testing.T) {
		c, m, pid := setUp(t)
		announced(t, m)
		m.stop()
		m = c.manager()
		c.eventually("the process ends", func() bool { return syscall.Kill(pid, 0) != nil })
		settled(t, c, m)
	})
	t.Run("it has ended", func(t *testing.T) {
		c, m, _ := setUp(t)
		c.again("s", contract.StopServerTask.Name, stop)
		m.exec(t, `UPDATE tasks SET state = 'running', reason = '', detail = '' WHERE id = 'a'`)
		m.exec(t, `DELETE FROM calls WHERE message_id = 's'`)
		announced(t, m)
		m.stop()
		settled(t, c, c.manager())
	})
	t.Run("it ended by itself just then", func(t *testing.T) {
		c, m, _ := setUp(t)
		c.again("s", contract.StopServerTask.Name, stop)
		announced(t, m)
		m.stop()
		settled(t, c, c.manager())
	})
}
