package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// dropOnce cuts the first connection that a frame picks, and no other.
func dropOnce(b *broker, pick func(amqpd.Frame) bool) (dropped *atomic.Bool) {
	dropped = new(atomic.Bool)
	b.faults.DropWhen(func(f amqpd.Frame) bool { return pick(f) && dropped.CompareAndSwap(false, true) })
	return dropped
}

// The service loses its connection when it answers, or when it acknowledges: the
// effect has happened, and the broker brings the call again. It happens once,
// and its caller is told so.
func TestAnswerIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	for _, method := range []string{"basic.publish", "basic.ack"} {
		t.Run(method, func(t *testing.T) {
			lose := func() *atomic.Bool {
				return dropOnce(w.cloud, func(f amqpd.Frame) bool {
					return !f.Out && f.Method == method && f.Connection == "agata/cloud-task-manager/serve"
				})
			}
			id := strings.ReplaceAll(method, ".", "-")
			if a := w.upload(id, "server.py", prelude+"note('"+id+"')\nsay(type='info', info='Finished')\n"); a.status != 200 {
				t.Fatal(a.body)
			}
			dropped := lose()
			if _, err := call(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: id, FilesPaths: []string{}}); err != nil {
				t.Errorf("the task is there, but its creator was told: %v", err)
			}
			w.eventually("the connection is dropped", dropped.Load)
			w.becomes(id, "new")
			dropped = lose()
			if _, err := call(t, w.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: id}); err != nil {
				t.Errorf("the task was started, but who started it was told: %v", err)
			}
			w.eventually("the connection is dropped", dropped.Load)
			w.becomes(id, "finished")
			time.Sleep(time.Second) // for what might come twice
			if n := len(w.notes("cloud", id)); n != 1 {
				t.Errorf("one call started the task %d times", n)
			}
		})
	}
}

// The caller loses its connection while the service works.
func TestCallersConnectionIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.task("a", forever, "", nil)
	// The request is in the broker; the answer does not reach the caller.
	dropOnce(w.cloud, func(f amqpd.Frame) bool { return f.Out && f.Method == "basic.deliver" && f.Connection == "e2e/call" })
	_, err := call(t, w.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"})
	unknownOutcome(t, err, contract.StartServerTask.Name)
	if s := w.summary("a"); s.State != "running" {
		t.Errorf("the task: %+v", s)
	}
	// What may be repeated is.
	dropOnce(w.cloud, func(f amqpd.Frame) bool { return f.Out && f.Method == "basic.deliver" && f.Connection == "e2e/call" })
	if _, err := call(t, w.operator, contract.GetTask, contract.TaskIDRequest{TaskID: "a"}); err != nil {
		t.Errorf("a call that may be repeated: %v", err)
	}
	// The same at the gateway's connection, as HTTP shows it.
	dropOnce(w.cloud, func(f amqpd.Frame) bool {
		return f.Out && f.Method == "basic.deliver" && f.Connection == "agata/cloud-gateway/call"
	})
	a := w.post(contract.StopServerTask.Name, `{"task_id":"a"}`)
	if a.status != http.StatusInternalServerError || a.header.Get("Agata-Code") != "unavailable" || !strings.Contains(a.text(), contract.StopServerTask.Name) {
		t.Errorf("the gateway: %d %s %s", a.status, a.header.Get("Agata-Code"), a.body)
	}
	w.becomes("a", "stopped")
	if a := w.post(contract.GetTask.Name, `{"task_id":"a"}`); a.status != http.StatusOK {
		t.Errorf("the gateway afterwards: %d %s", a.status, a.body)
	}
}

// unknownOutcome checks the error of a call that may have taken effect.
func unknownOutcome(t testing.TB, err error, fn string) {
	t.Helper()
	if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "the connection to the broker ended during "+fn) ||
		!strings.Contains(err.Error(), "whether it took effect is unknown") {
		t.Errorf("the caller was told: %v", err)
	}
}

// Every connection of both brokers is closed in the middle of a call and of a
// task: the call fails and says so, the task goes on, and its end is noticed.
func TestAllConnectionsAreClosed(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		closedConnections(t, w, func() { w.cloud.server.CloseConnections(); w.client.server.CloseConnections() })
	})
	t.Run("RabbitMQ", func(t *testing.T) {
		t.Parallel()
		one, two := testenv.RabbitMQ(t), testenv.RabbitMQ2(t)
		w := newWorldOn(t, rabbit(one), rabbit(two))
		closedConnections(t, w, func() { one.CloseConnections(t); two.CloseConnections(t) })
	})
}

func closedConnections(t *testing.T, w *world, drop func()) {
	w.set["events.register_events"] = "true"
	w.set["tasks.grace"] = "4"
	w.serveCloud()
	w.task("slow", "signal.signal(signal.SIGTERM, lambda *_: note('term'))\nnote('up')\n"+forever, "", func(r *contract.CreateTaskRequest) { r.SelectionCriteria = "False" })
	w.task("a", `
while not os.path.exists(os.path.join(sys.argv[1], "end")): time.sleep(0.05)
finish()
`, `
note("up")
while not os.path.exists(os.path.join(sys.argv[1], "end")): time.sleep(0.05)
finish()
`, nil)
	w.start("slow")
	w.start("a")
	w.serveClient()
	pid := number(t, w.noted("client", "up"))
	w.runs("a")
	w.noted("cloud", "up")

	stopped := make(chan error, 1)
	go func() {
		_, err := call(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "slow"})
		stopped <- err
	}()
	w.noted("cloud", "term") // the stop has begun
	drop()
	unknownOutcome(t, <-stopped, contract.StopServerTask.Name)
	w.becomes("slow", "stopped") // it took effect all the same

	if !alive(pid) || w.runs("a").PID != pid || len(w.notes("client", "up")) != 1 {
		t.Errorf("the client's task did not go on: %+v", w.status())
	}
	if s := w.summary("a"); s.State != "running" {
		t.Errorf("the server's task did not go on: %+v", s)
	}
	w.note("client", "end")
	w.ended("a")
	w.note("cloud", "end")
	w.becomes("a", "finished")
}
