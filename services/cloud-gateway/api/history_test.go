package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

func run(id, task, client string, state contract.State, started float64) contract.Record {
	side := contract.SideServer
	if client != "" {
		side = contract.SideClient
	}
	r := contract.Record{ID: uuid.NewString(), Kind: contract.RecordExecution, Time: started, Client: client, About: contract.About{Task: task, Execution: id},
		Run: &contract.ExecutionRun{Side: side, State: state, PID: 7, Started: started, LastLines: []string{"the end"}}}
	if state != "running" {
		code := 1
		r.Run.Ended, r.Run.ExitCode, r.Run.Reason = started+1, &code, "exited"
	}
	return r
}

// past fills a history: a task that runs at the cloud and at one of three clients.
func past(w *world) (now float64) {
	now = float64(time.Now().UnixNano()) / 1e9
	for _, id := range []string{"c1", "c2", "c3"} {
		w.cloud.with(func(c *cloud) { c.users[id] = contract.User{ID: id} })
	}
	w.ask("POST", "/tasks", newTask("t1"))
	w.ask("PUT", "/tasks/t1/files/server.py", "print()")
	w.ask("POST", "/tasks/t1/start", nil)
	state := func(client string, s contract.ClientState) contract.Record {
		s.UserID = client
		return contract.Record{ID: uuid.NewString(), Kind: contract.RecordClient, Time: now, Client: client, State: &s}
	}
	w.add(
		run("x0", "t1", "", "running", now-30),
		run("x1", "t1", "c1", "running", now-20),
		run("x2", "t1", "c2", "failed", now-25),
		run("x3", "t0", "c2", "failed", now-90),
		state("c1", contract.ClientState{Policy: "one", Running: []contract.Execution{{TaskID: "t1", ExecutionID: "x1", State: "running", Started: now - 20}}}),
		state("c2", contract.ClientState{Policy: "one", Quarantined: []contract.QuarantinedFor{{TaskID: "t1", Reason: "report_error", Since: now - 24, Until: now + 600}}}),
	)
	for i := range 30 {
		w.add(contract.Record{ID: uuid.NewString(), Kind: contract.RecordRound, Time: now - 20 + float64(i)/10, Client: "c1", About: contract.About{Task: "t1", Execution: "x1"},
			Round: &contract.Round{Side: "client", Round: itoa(i), Acc: fmt.Sprint(float64(i) / 30), Loss: "n/a"}})
	}
	for _, client := range []string{"c1", "c2"} {
		if err := w.store.Seen(w.t.Context(), client, now); err != nil {
			w.t.Fatal(err)
		}
	}
	return now
}

func TestExecutions(t *testing.T) {
	w := newWorld(t, nil)
	past(w)
	ids := func(path string) (all string) {
		t.Helper()
		page := decode[ExecutionList](w, w.ask("GET", path, nil), 200)
		for _, e := range page.Executions {
			all += e.ID
			if e.LastLines != nil {
				t.Errorf("%s: a list has the last lines", path)
			}
		}
		return all
	}
	for path, want := range map[string]string{
		"/executions": "x1x2x0x3", "/executions?state=failed": "x2x3", "/executions?side=server": "x0", "/executions?client=c2&task=t1": "x2",
		"/tasks/t1/executions": "x1x2x0", "/tasks/t1/executions?side=client": "x1x2", "/clients/c2/executions": "x2x3", "/clients/c2/executions?task=t0": "x3",
		"/executions?task=nothing": "",
	} {
		if got := ids(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	first := decode[ExecutionList](w, w.ask("GET", "/executions?limit=3", nil), 200)
	if got := ids("/executions?limit=3&cursor=" + url.QueryEscape(first.Next)); got != "x3" {
		t.Errorf("the second page has %s", got)
	}
	if p := w.wantProblem(w.ask("GET", "/executions?cursor=x", nil), 400, "invalid"); p.Fields["cursor"] == "" {
		t.Errorf("problem %+v", p)
	}
	one := decode[history.Execution](w, w.ask("GET", "/executions/x2", nil), 200)
	if one.State != "failed" || len(one.LastLines) != 1 || one.Client != "c2" {
		t.Errorf("got %+v", one)
	}
	w.wantProblem(w.ask("GET", "/executions/none", nil), 404, "not_found")
}

func TestMetricsOfATask(t *testing.T) {
	w := newWorld(t, nil)
	past(w)
	m := decode[Metrics](w, w.ask("GET", "/tasks/t1/metrics", nil), 200)
	if len(m.Series) != 1 || len(m.Series[0].Points) != 30 || m.Series[0].Client != "c1" || *m.Series[0].Points[15].Acc != 0.5 || m.Series[0].Points[0].Loss != nil {
		t.Errorf("got %+v", m)
	}
	if m := decode[Metrics](w, w.ask("GET", "/tasks/t1/metrics?points=8&client=c1&execution=x1", nil), 200); len(m.Series) != 1 || !m.Series[0].Thinned || len(m.Series[0].Points) > 8 {
		t.Errorf("got %+v", m)
	}
	if a := w.ask("GET", "/tasks/other/metrics", nil); a.status != 200 || a.body != `{"series":[]}` {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t, nil)
	w.add(event("t1", "", "first"), event("t2", "c1", "100% <done>"), event("t1", "c1", "last"))
	texts := func(path string) (all string) {
		t.Helper()
		for _, e := range decode[EventList](w, w.ask("GET", path, nil), 200).Events {
			all += e.Event.Event + " "
		}
		return strings.TrimSpace(all)
	}
	for path, want := range map[string]string{
		"/events": "first 100% <done> last", "/events?order=newest": "last 100% <done> first", "/events?task=t1": "first last", "/tasks/t1/timeline": "first last",
		"/tasks/t1/timeline?client=c1": "last", "/events?q=100%25": "100% <done>", "/events?service=service_cloud_ml&function=f&client=c1": "100% <done> last",
		"/events?service=other": "", "/events?from=1&to=2": "", "/events?execution=x": "",
	} {
		if got := texts(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	page := decode[EventList](w, w.ask("GET", "/events?limit=2", nil), 200)
	if got := texts("/events?limit=2&cursor=" + url.QueryEscape(page.Next)); got != "last" || len(page.Events) != 2 {
		t.Errorf("the second page has %q", got)
	}
	w.wantProblem(w.ask("GET", "/events?cursor=x", nil), 400, "invalid")
	d := decode[history.Density](w, w.ask("GET", "/events/density?by=client&buckets=10&lanes=1", nil), 200)
	if d.Total != 3 || len(d.Lanes) != 1 || d.OtherLanes != 1 || len(d.Lanes[0].Counts) > 10 || d.Lanes[0].Name != "c1" {
		t.Errorf("got %+v", d)
	}
}

func TestExportOfEvents(t *testing.T) {
	w := newWorld(t, nil)
	export := func(query string) (list []contract.Event) {
		t.Helper()
		a := w.ask("GET", "/events.json"+query, nil)
		if a.header.Get("Content-Disposition") != `attachment; filename="events.json"` {
			t.Errorf("headers %v", a.header)
		}
		return decode[[]contract.Event](w, a, 200)
	}
	if list := export(""); list == nil || len(list) != 0 {
		t.Errorf("got %+v", list)
	}
	records := make([]contract.Record, 1000)
	for i := range records {
		records[i] = event("t1", "", strings.Repeat("x", 200))
		records[i].Time = records[0].Time + float64((i*7)%1000)
		records[i].Event.Time = records[i].Time
	}
	w.add(records...)
	list := export("?task=t1")
	if len(list) != 1000 {
		t.Fatalf("%d events", len(list))
	}
	for i := range list {
		if i > 0 && list[i].Time < list[i-1].Time {
			t.Fatalf("event %d is before the one before it", i)
		}
	}
	if list := export("?task=t2"); len(list) != 0 {
		t.Errorf("got %d", len(list))
	}
	if a := w.ask("HEAD", "/events.json", nil); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
}

func TestOverview(t *testing.T) {
	w := newWorld(t, nil)
	past(w)
	o := decode[Overview](w, w.ask("GET", "/overview", nil), 200)
	if o.Tasks["running"] != 1 || o.Clients.Known != 3 || o.Clients.Seen != 2 || o.Clients.RunningOn != 1 || o.Executions.Running != 2 || o.Executions.FailedLately != 2 ||
		!o.Broker.Up || len(o.Services) != 1 || len(o.Running) != 2 || len(o.Failures) != 2 || o.Version != "1.2.3" || o.History.KeepDays != 30 || o.Missing != nil {
		t.Errorf("got %+v", o)
	}
	w.cloud.with(func(c *cloud) { c.refuses[contract.CountTasks.Name] = fmt.Errorf("the disk is full") })
	o = decode[Overview](w, w.ask("GET", "/overview", nil), 200)
	if len(o.Tasks) != 0 || o.Tasks == nil || len(o.Missing) != 1 || o.Missing[0] != "the disk is full" || o.Clients.Known != 3 {
		t.Errorf("got %+v", o)
	}
	if list := decode[ServiceList](w, w.ask("GET", "/services", nil), 200); len(list.Services) != 1 || list.Services[0].Name != "cloud-task-manager" {
		t.Errorf("got %+v", list)
	}
}

func TestClientsOfATask(t *testing.T) {
	w := newWorld(t, nil)
	past(w)
	page := decode[TaskClients](w, w.ask("GET", "/tasks/t1/clients", nil), 200)
	got := ""
	for _, c := range page.Clients {
		got += fmt.Sprintf("%s:%s ", c.UserID, c.Status)
	}
	if got != "c1:running c2:quarantined c3:away " || !page.Running || page.Total != 3 || page.Clients[1].Quarantine == nil || page.Clients[0].Execution.ID != "x1" {
		t.Errorf("got %s: %+v", got, page)
	}
	for client, want := range map[string]func(Explanation) bool{
		"c1": func(e Explanation) bool { return e.Running != nil && e.Last != nil && e.Limit == "" && e.LastSeen > 0 },
		"c2": func(e Explanation) bool { return e.Quarantine != nil && e.Running == nil && e.Last.State == "failed" },
		"c3": func(e Explanation) bool { return e.Last == nil && strings.Contains(e.Limit, "away") && e.LastSeen == 0 },
	} {
		why := decode[Explanation](w, w.ask("GET", "/tasks/t1/explain?client="+client, nil), 200)
		if !why.Offered || len(why.Clauses) != 1 || !want(why) {
			t.Errorf("%s: %+v", client, why)
		}
	}
}

func TestSchemasOfFunctions(t *testing.T) {
	w := newWorld(t, nil)
	a := w.ask("GET", "/schemas/"+contract.CreateTask.Name, nil)
	var schema struct{ Title string }
	if err := json.Unmarshal([]byte(a.body), &schema); err != nil || a.status != 200 || schema.Title != contract.CreateTask.Name {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for _, fn := range []string{"rpc_exec_nothing", "..%2Fschemas", "%2e%2e"} {
		w.wantProblem(w.ask("GET", "/schemas/"+fn, nil), 404, "not_found")
	}
}

func TestOldAnswersOfServices(t *testing.T) {
	var s askedServices
	now := time.Unix(1000, 0)
	if _, old, stale := s.look(now); old || !stale {
		t.Error("there are answers before the first")
	}
	if _, err := s.keep(now, []baseservice.Info{{Name: "a"}}, nil); err != nil {
		t.Fatal(err)
	}
	look := func(after time.Duration) string {
		infos, old, stale := s.look(now.Add(after))
		return fmt.Sprintf("%d %t %t", len(infos), old, stale)
	}
	for _, tc := range []struct {
		after time.Duration
		want  string
	}{{askAgain, "1 false false"}, {askAgain + 1, "1 true false"}, {askAgain + 2, "1 false false"}, {askStale + 1, "0 false true"}} {
		if got := look(tc.after); got != tc.want {
			t.Errorf("after %s: %s, want %s", tc.after, got, tc.want)
		}
	}
	if infos, err := s.keep(now, nil, context.DeadlineExceeded); err == nil || infos == nil || look(0) != "0 false true" {
		t.Errorf("a failure leaves %v, %s", infos, look(0))
	}
}

func TestOverviewAsksBeside(t *testing.T) {
	clock := atomic.Int64{}
	clock.Store(time.Now().UnixNano())
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return time.Unix(0, clock.Load()) } })
	w.ask("GET", "/overview", nil)
	clock.Add(int64(askAgain + time.Second))
	if o := decode[Overview](w, w.ask("GET", "/overview", nil), 200); len(o.Services) != 1 {
		t.Errorf("got %+v", o.Services)
	}
	testenv.Eventually(t, 10*time.Second, "newer answers", func() bool {
		_, old, stale := w.api.asked.look(time.Unix(0, clock.Load()).Add(askAgain))
		return !old && !stale
	})
}
