package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// get reads a path of the API into v.
func (w *world) get(path string, v any) {
	w.Helper()
	a := request(w, http.MethodGet, w.set["server.gateway.url"]+"/api/v1"+path, "")
	if a.status != http.StatusOK {
		w.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		w.Fatalf("GET %s: %s: %v", path, a.body, err)
	}
}

// rounds are those of a task at client ada, as the API has them, in the order in
// which they were told.
func (w *world) rounds(task string) (list []string) {
	w.Helper()
	var got struct{ Series []history.Series }
	w.get("/tasks/"+task+"/metrics", &got)
	for _, s := range got.Series {
		if s.Client != "ada" {
			continue
		}
		for _, p := range s.Points {
			list = append(list, p.Round)
			if p.Acc == nil || p.Loss == nil || *p.Acc != 0.5 || *p.Loss != 1.25 || s.Side != contract.SideClient || s.Execution == "" {
				w.Errorf("a point of %+v: %+v", s, p)
			}
		}
	}
	return list
}

// texts are the events of a task at client ada, as the API has them.
func (w *world) texts(task string) (list []string) {
	w.Helper()
	var got struct{ Events []history.Entry }
	w.get("/events?client=ada&limit=1000&order=oldest&task="+task, &got)
	for _, e := range got.Events {
		if e.Client != "ada" || e.Task != task {
			w.Errorf("an event is about %q at %q", e.Task, e.Client)
		}
		list = append(list, e.Event.Event)
	}
	return list
}

// executions are a task's at client ada, the newest first.
func (w *world) executions(task string) []history.Execution {
	w.Helper()
	var got struct{ Executions []history.Execution }
	w.get("/executions?client=ada&task="+task, &got)
	return got.Executions
}

// told waits until exactly the rounds 1 to n are there.
func (w *world) told(task string, n int) {
	w.Helper()
	var want, got []string
	for i := range n {
		want = append(want, fmt.Sprint(i+1))
	}
	end := time.Now().Add(2 * patience) // the client looks for a cloud that was away every 30 s at most
	for got = w.rounds(task); !slices.Equal(got, want); got = w.rounds(task) {
		if time.Now().After(end) {
			w.Fatalf("of %d rounds of task %s the cloud has %q", n, task, got)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// rounding is a client's program that reports rounds as far as it is told to, by
// a note for each, and then ends.
const rounding = `
import re
def number(name):
    try: return int(open(os.path.join(sys.argv[1], name)).read())
    except (OSError, ValueError): return 0
def at(name): return os.path.exists(os.path.join(sys.argv[1], name))
done = 0
say(type="event", time=time.time(), service="task_client", function="main", event="Started client")
for stage in range(1, 10):
    while not at("stage-%d" % stage) and not at("end"): time.sleep(0.01)
    if not at("stage-%d" % stage): break
    for _ in range(10):
        done += 1
        say(type="model", round=done, acc=0.5, loss=1.25)
        say(type="event", time=time.time(), service="task_client", function="main", event="Round %d" % done)
    note("done-%d" % stage)
say(type="event", time=time.time(), service="task_client", function="main", event="Finished client")
finish()
`

// What happens at a client is at the cloud, each thing once: while all runs,
// after the cloud was away, and after the client's own gateway was away as well.
func TestWhatHappensAtAClientIsAtTheCloud(t *testing.T) {
	for name, brokers := range map[string]func(*testing.T) (cloud, client *broker){
		"embedded": func(t *testing.T) (*broker, *broker) { return embed(t, 0), embed(t, 0) },
		"RabbitMQ": func(t *testing.T) (*broker, *broker) {
			return rabbit(testenv.RabbitMQ(t)), rabbit(testenv.RabbitMQ2(t))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloudBroker, clientBroker := brokers(t)
			w := newWorldOn(t, cloudBroker, clientBroker)
			serveCloud := func() *service {
				return w.serve(app.UserManager, app.CloudTaskManager, app.CloudGateway, keepTasks)
			}
			cloud := serveCloud()
			w.serve(app.ClientTaskManager)
			gateway := w.serve(app.ClientGateway)
			w.task("a", "say(type='model', round=1, acc=0.9, loss=0.1)\n"+forever, rounding, nil)
			w.start("a")
			execution := w.runs("a").ExecutionID
			stage := func(n int) {
				w.note("client", fmt.Sprint("stage-", n))
				w.noted("client", fmt.Sprint("done-", n))
			}

			stage(1)
			w.told("a", 10)
			w.eventually("the execution is known to run", func() bool {
				list := w.executions("a")
				return len(list) == 1 && list[0].ID == execution && list[0].State == "running" && list[0].Side == contract.SideClient
			})

			cloud.stop()
			stage(2)
			gateway.stop()
			stage(3)
			w.serve(app.ClientGateway)
			cloud = serveCloud()
			w.told("a", 30)

			// What the cloud had is still there after a restart of it.
			cloud.stop()
			w.serve(app.UserManager, app.CloudTaskManager, app.CloudGateway) // which ends the task with the test
			w.told("a", 30)
			stage(4)
			w.told("a", 40)

			w.note("client", "end")
			w.eventually("the execution is known to have ended", func() bool {
				list := w.executions("a")
				return len(list) == 1 && list[0].State == "finished"
			})
			if run := w.executions("a")[0]; run.ID != execution || run.Ended < run.Started || run.Reason != "finished" || run.Quarantined {
				t.Errorf("the execution: %+v", run)
			}
			texts := w.texts("a")
			count := func(text string) (n int) {
				for _, s := range texts {
					if s == text {
						n++
					}
				}
				return n
			}
			want := []string{"Started downloading task", "Finished downloading task", "Started client task initialization", "Finish client task initialization",
				"Started client", "Finished client", "Started handling task a finalization", "Finished handling task a finalization"}
			for i := range 40 {
				want = append(want, fmt.Sprint("Round ", i+1))
			}
			w.eventually("the last event is there", func() bool {
				texts = w.texts("a")
				return count("Finished handling task a finalization") > 0
			})
			for _, text := range want {
				if n := count(text); n != 1 {
					t.Errorf("%q is there %d times", text, n)
				}
			}
			var events []contract.Event
			a := request(t, http.MethodGet, w.set["server.gateway.url"]+"/api/v1/events.json?task=a", "")
			if err := json.Unmarshal([]byte(a.body), &events); err != nil || a.status != http.StatusOK || !slices.IsSortedFunc(events, func(a, b contract.Event) int {
				return int(max(-1, min(1, (a.Time-b.Time)*1e9)))
			}) {
				t.Errorf("events.json: %d %.300s, %v", a.status, a.body, err)
			}
		})
	}
}

// An operator sees at the cloud why a client does not run a task, and lets it run
// again.
func TestReleaseThroughTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.serveClient()
	w.task("bad", forever, "note('bad')\nprint('no camera here')\nsay(type='error', exception='no camera')\n"+forever, nil)
	w.start("bad")
	w.held("bad")

	type client struct {
		Online bool                  `json:"online"`
		State  *contract.ClientState `json:"state"`
	}
	var c client
	quarantined := func() []contract.QuarantinedFor {
		c = client{}
		w.get("/clients/ada", &c)
		if c.State == nil {
			return nil
		}
		return c.State.Quarantined
	}
	w.eventually("the cloud knows of the quarantine", func() bool { return len(quarantined()) == 1 })
	if q := quarantined()[0]; q.TaskID != "bad" || q.Reason != "report_error" || !c.Online {
		t.Errorf("the cloud knows of %+v, %+v", q, c)
	}
	w.eventually("the cloud knows how it ended", func() bool {
		list := w.executions("bad")
		return len(list) == 1 && list[0].State == "failed" && list[0].Quarantined && list[0].Reason == "report_error" && strings.Contains(list[0].Detail, "no camera")
	})
	var run history.Execution
	w.get("/executions/"+w.executions("bad")[0].ID, &run)
	if !slices.Contains(run.LastLines, "no camera here") {
		t.Errorf("its last lines: %q", run.LastLines)
	}

	release := func(task string) (command history.CommandView) {
		t.Helper()
		a := request(t, http.MethodPost, w.set["server.gateway.url"]+"/api/v1/clients/ada/quarantine/"+task+"/release", "")
		if a.status != http.StatusAccepted {
			t.Fatalf("release of %s: %d %s", task, a.status, a.body)
		}
		where := a.header.Get("Location")
		w.eventually("the command is carried out", func() bool {
			command = history.CommandView{}
			w.get(strings.TrimPrefix(where, "/api/v1"), &command)
			return command.State != "pending"
		})
		return command
	}
	if cmd := release("bad"); cmd.State != "done" || cmd.Error != "" || cmd.Task != "bad" || cmd.Client != "ada" {
		t.Errorf("the release: %+v", cmd)
	}
	w.eventually("the task ran once more", func() bool { return len(w.notes("client", "bad")) == 2 })
	w.eventually("it failed once more", func() bool {
		list := w.executions("bad")
		return len(list) == 2 && list[0].State == "failed" && list[0].Quarantined
	})
}
