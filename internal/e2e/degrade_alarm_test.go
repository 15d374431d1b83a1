package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// The cloud's broker takes no messages for want of memory: calls are refused at
// once, events wait, tasks go on, and all comes back when the alarm ends.
func TestDegradeBrokerAlarmEmbedded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alarmed(t, w, func() (lift func()) {
		w.cloud.faults.Block("low on memory")
		return func() { w.cloud.faults.Block("") }
	})
}

// The same with RabbitMQ's own alarm; not parallel, since all of the node feels it.
func TestDegradeBrokerAlarmRabbitMQ(t *testing.T) {
	w := newWorldOn(t, rabbit(testenv.RabbitMQ(t)), embed(t, 0))
	alarmed(t, w, func() (lift func()) { return testenv.RaiseAlarm(t) })
}

func alarmed(t *testing.T, w *world, raise func() (lift func())) {
	w.set["events.register_events"] = "true"
	w.serveCloud()
	w.task("a", forever, "note('a')\n"+forever, nil)
	w.task("ends", "note('ends')\n"+forever, "", func(r *contract.CreateTaskRequest) { r.SelectionCriteria = "False" })
	w.start("a")
	w.start("ends")
	w.serveClient()
	w.noted("client", "a")
	pid, server, doomed := w.runs("a").PID, w.summary("a").PID, w.summary("ends").PID

	lift := raise()
	raised := time.Now()
	for {
		// The first call after the alarm is what leads to the broker's word.
		began := time.Now()
		_, err := call(t, w.operator, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a call during the alarm ended after %s: %v", took, err)
		}
		if err != nil {
			break
		}
		if time.Since(raised) > patience {
			t.Fatal("calls are not refused")
		}
	}
	refused := func(err error) {
		t.Helper()
		if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "takes no messages now (memory or disk alarm)") {
			t.Errorf("a call during the alarm: %s %v", rpc.CodeOf(err), err)
		}
	}
	_, err := call(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: "new", FilesPaths: []string{}})
	refused(err)
	w.eventually("the gateway refuses calls as well", func() bool {
		a := w.post(getTask, `{"task_id":"a"}`)
		return a.status == 500 && a.header.Get("Agata-Code") == "unavailable" && strings.Contains(a.text(), "alarm")
	})
	began := time.Now()
	w.post(getTask, `{"task_id":"a"}`)
	if took := time.Since(began); took > time.Second {
		t.Errorf("a refusal took %s", took)
	}
	kill(t, doomed) // its end is told when it can be
	w.eventually("the client says that it cannot ask", func() bool { return w.status().LastError != "" })
	if e := w.runs("a"); e.PID != pid || !alive(server) || !alive(pid) {
		t.Errorf("the task was disturbed: %+v", e)
	}

	lift()
	lifted := time.Now()
	w.eventually("calls are answered", func() bool {
		_, err := call(t, w.operator, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
		return err == nil
	})
	t.Logf("calls were answered %s after the alarm", time.Since(lifted).Round(time.Millisecond))
	if s := w.becomes("ends", "failed"); !strings.Contains(s.Reason, "signal 9") {
		t.Errorf("the task that ended meanwhile: %+v", s)
	}
	w.eventually("the client asks again", func() bool { return w.status().LastError == "" })
	if e := w.runs("a"); e.PID != pid || w.summary("a").PID != server {
		t.Errorf("the task was disturbed: %+v", e)
	}
	w.task("new", forever, "", nil)
	const end = "Server task failed: signaled"
	if list := events(t, w.operator, end); !slices.Contains(list, end) {
		t.Errorf("what happened meanwhile is not on the timeline: %q", list)
	}
}
