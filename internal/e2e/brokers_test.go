package e2e

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Both brokers go and come back without a memory. What runs goes on, what ends
// meanwhile is known, and no event is lost.
func TestBrokersRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["events.register_events"] = "true"
	w.serveCloud()
	const wait = "note('up')\nwhile not os.path.exists(os.path.join(sys.argv[1], 'end')): time.sleep(0.02)\nfinish()\n"
	w.task("stays", "note('stays')\n"+forever, wait, nil)
	w.task("ends", wait, "", func(r *contract.CreateTaskRequest) { r.SelectionCriteria = "False" })
	w.start("stays")
	w.start("ends")
	w.serveClient()
	client := number(t, w.noted("client", "up"))
	server := number(t, w.noted("cloud", "up"))
	stays := number(t, w.noted("cloud", "stays"))

	w.restart(w.cloud, func() {
		w.restart(w.client, func() {
			w.note("client", "end")
			w.note("cloud", "end")
			w.eventually("both programs have ended", func() bool { return !alive(client) && !alive(server) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := rpc.Call(ctx, w.operator, contract.GetTask, contract.TaskIDRequest{TaskID: "stays"})
			if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), w.cloud.addr()) || !strings.Contains(err.Error(), "refused") {
				t.Errorf("without a broker: %v", err)
			}
			if a := w.post(getTask, `{"task_id":"stays"}`); a.status != 500 || a.header.Get("Agata-Code") != "unavailable" || !strings.Contains(a.text(), w.cloud.addr()) {
				t.Errorf("the gateway without a broker: %d %s", a.status, a.body)
			}
		})
	})
	back := time.Now()
	w.eventually("the task managers are back", func() bool {
		_, cloud := call(t, w.operator, contract.ListTasks, contract.ListTasksRequest{})
		_, client := call(t, w.device, contract.ClientStatus, contract.None{})
		return cloud == nil && client == nil
	})
	t.Logf("the task managers were back %s after their brokers", time.Since(back))
	w.becomes("ends", "finished")
	w.ended("stays")
	if s := w.summary("stays"); s.State != "running" || s.PID != stays || len(w.notes("cloud", "stays")) != 1 {
		t.Errorf("the task that stays: %+v", s)
	}
	const handled = "Finished handling task stays finalization"
	if list := events(t, w.device, handled); !slices.Contains(list, handled) {
		t.Errorf("the client's timeline lacks its end: %q", list)
	}
	w.task("new", forever, "", nil) // all is served again
	w.start("new")
}

func (b *broker) addr() string { return net.JoinHostPort(b.host, strconv.Itoa(b.port)) }

// events are the texts of the timeline up to one.
func events(t testing.TB, tr *amqpx.Transport, until string) (list []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := tr.Subscribe(ctx, contract.EventsQueue, func(body []byte) error {
		var e contract.Event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("event %s: %v", body, err)
		}
		if list = append(list, e.Event); e.Event == until {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

// A function that nobody serves is refused at once: where its service never was,
// and where it was once.
func TestNobodyServes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["rpc.timeout"] = "5"
	gateway := w.serve(app.CloudGateway)
	defer gateway.stop()
	began := time.Now()
	_, err := call(t, w.operator, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
	if rpc.CodeOf(err) != rpc.Unavailable || err.Error() != "nobody serves "+getTask+" on the broker at "+w.cloud.addr() {
		t.Errorf("over RPC: %v", err)
	}
	if a := w.post(getTask, `{"task_id":"a"}`); a.status != 500 || a.header.Get("Agata-Code") != "unavailable" ||
		!strings.Contains(a.text(), "cloud-task-manager is not running") || !strings.Contains(a.text(), getTask) {
		t.Errorf("at the gateway: %d %s", a.status, a.body)
	}
	if a := w.post("rpc_exec_nothing", `{}`); a.status != 500 || a.text() != contract.InvalidFunction("rpc_exec_nothing") {
		t.Errorf("an unknown function: %d %s", a.status, a.body)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("that took %s", took)
	}

	w.serve(app.UserManager).stop() // its queues stay
	began = time.Now()
	a := w.post(updateMe, `{"user_id":"late"}`)
	if a.status != 500 || !strings.Contains(a.text(), "user-manager") || !strings.Contains(a.text(), "not running") {
		t.Errorf("a service that has stopped: %d %s", a.status, a.body)
	}
	t.Logf("a call of a stopped service: %s after %s", a.text(), time.Since(began))
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("that took %s, with a deadline of 5 s", took)
	}
	// A call that ran out is not served late, when its caller has given up.
	w.serve(app.UserManager)
	if a := w.post(getUser, `{"user_id":"late"}`); a.text() != contract.UserNotRegistered("late") {
		t.Errorf("a call that failed took effect later: %d %s", a.status, a.body)
	}
}

// Services stop while no broker is there, with all that runs under them.
func TestStopWithoutABroker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["events.register_events"] = "true"
	cloud := w.serveCloud()
	w.task("a", "note('up')\n"+forever, "note('up')\n"+forever, nil)
	w.start("a")
	client := w.serveClient()
	pids := []int{number(t, w.noted("client", "up")), number(t, w.noted("cloud", "up"))}
	w.cloud.stop()
	w.client.stop()
	time.Sleep(time.Second) // the services have noticed
	for _, s := range []*service{client, cloud} {
		began := time.Now()
		s.stop()
		took := time.Since(began)
		t.Logf("%v stopped in %s", s.names, took)
		if took > 8*time.Second { // two a service for its last events, at most
			t.Errorf("%v took %s to stop without a broker", s.names, took)
		}
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("the task's process %d outlived the services", pid)
		}
	}
}
