package cloudtaskmanager

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestOffersFollowCriteria(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "rich", DataQnt: ptr(int64(100)), AvgAccContrib: ptr(0.5), Sensors: []string{"camera", "ecu"},
		Attributes: map[string]any{"gpu": true, "region": "north", "count": 50, "data_qnt": 0}})
	c.user(contract.User{ID: "poor"})
	for id, criteria := range map[string]string{
		"z-first":   ``,
		"y-data":    `data_qnt > 50`,
		"x-sensors": `"camera" in sensors and not "lidar" in sensors`,
		"w-extra":   `gpu and region == "north"`,
		"r-int":     `str(count) == "50"`,
		"v-none":    `avg_disconnection_per_round is None`,
		"u-one":     `ID == "poor" and user_id == "poor"`,
		"t-dates":   `creation_date <= last_mod_date and len(creation_date) == 19`,
		"s-type":    `sensors > 5`,
	} {
		c.create(id, criteria)
		c.file(id, "server.py", preamble+forever)
	}
	// Started in another order than created: the creation's counts.
	order := []string{}
	for _, task := range must(c, contract.ListTasks, contract.ListTasksRequest{}).Tasks {
		order = append(order, task.ID)
		c.start(task.ID)
	}
	if !slices.IsSorted(order) {
		t.Errorf("the list is not in the order of ids: %v", order)
	}
	all := c.offered("rich")
	slices.Sort(all)
	if want := []string{"r-int", "t-dates", "v-none", "w-extra", "x-sensors", "y-data", "z-first"}; !slices.Equal(all, want) {
		t.Errorf("rich is offered %v, want %v", all, want)
	}
	all = c.offered("poor")
	slices.Sort(all)
	if want := []string{"t-dates", "u-one", "v-none", "z-first"}; !slices.Equal(all, want) {
		t.Errorf("poor is offered %v, want %v", all, want)
	}
}

func TestOffersAreOldestFirst(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "u"})
	created := []string{"c", "a", "b"}
	for _, id := range created {
		c.task(id, forever)
	}
	for _, id := range []string{"b", "c", "a"} {
		c.start(id)
	}
	c.wantOffered("u", created...)
	got := must(c, contract.RequestTasks, contract.UserIDRequest{UserID: "u"})[0]
	if got.Host != "127.0.0.1" || got.Port != 8080 || got.Username != "user-c" || got.Password != "pass-c" ||
		!slices.Equal(got.FilesPaths, []string{"client.py"}) || got.Tags == nil || got.ClientArguments != nil {
		t.Errorf("offered %+v", got)
	}
	value, err := c.call("rpc_exec_client_requesting_task", `{"user_id":"u"}`)
	if err != nil || !strings.HasPrefix(string(value), `[{"ID":"c","host":"127.0.0.1","port":8080,"tags":[],"client_arguments":null,"username":`) {
		t.Errorf("on the wire: %s, %v", value, err)
	}
	for _, id := range created {
		c.halt(id)
	}
	if value, err := c.call("rpc_exec_client_requesting_task", `{"user_id":"u"}`); err != nil || string(value) != "[]" {
		t.Errorf("nothing on offer: %s, %v", value, err)
	}
}

func TestClientThatIsNotKnown(t *testing.T) {
	c := newCloud(t)
	c.manager()
	for _, user := range []string{"nobody", "xxxx"} {
		text := refused(c, contract.RequestTasks, contract.UserIDRequest{UserID: user}, "not_found")
		if text != "Could not retrieve info from user with ID="+user {
			t.Errorf("got %q", text)
		}
	}
}

func TestListTasksInPages(t *testing.T) {
	c := newCloud(t)
	c.manager()
	for i := range 5 {
		c.create(fmt.Sprint(i), "")
	}
	var pages []string
	for req := (contract.ListTasksRequest{ListRequest: contract.ListRequest{Limit: 2}}); ; {
		page := must(c, contract.ListTasks, req)
		ids := ""
		for _, task := range page.Tasks {
			ids += task.ID
		}
		pages = append(pages, ids)
		if page.Next == "" {
			break
		}
		req.After = page.Next
	}
	if want := []string{"01", "23", "4"}; !slices.Equal(pages, want) {
		t.Errorf("pages %v, want %v", pages, want)
	}
}

func TestFilesAreServed(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	url := "http://" + m.FilesAddr()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

	// Peers upload first and register then.
	var form strings.Builder
	w := multipart.NewWriter(&form)
	for _, err := range []error{w.WriteField("task_id", "a"), addFile(w, "client.py", "print(1)"), addFile(w, "server.py", preamble+forever), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	resp, err := client.Post(url+"/upload_files", w.FormDataContentType(), strings.NewReader(form.String()))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("upload: %v, %v", resp, err)
	}
	resp.Body.Close()

	get := func(user, pass string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/download/a/client.py", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(user, pass)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, _ := get("user-a", "pass-a"); status != http.StatusNotFound {
		t.Errorf("before the registration: %d, want 404", status)
	}
	c.create("a", "")
	if status, _ := get("user-a", "wrong"); status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d, want 401", status)
	}
	if status, body := get("user-a", "pass-a"); status != http.StatusOK || body != "print(1)" {
		t.Errorf("download: %d %q", status, body)
	}
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Password: ptr("new")})
	if status, _ := get("user-a", "pass-a"); status != http.StatusUnauthorized {
		t.Errorf("an old password: %d, want 401", status)
	}
	c.start("a")
	c.records(func(all []contract.Record) bool { // a console learns of it
		about, ok := aboutOf(all, "upload_files", "Received 2 files")
		return ok && about.Task == "a"
	})
}

func addFile(w *multipart.Writer, name, text string) error {
	part, err := w.CreateFormFile("files", name)
	if err == nil {
		_, err = io.WriteString(part, text)
	}
	return err
}

func TestTimeline(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "u"})
	c.task("a", forever)
	c.start("a")
	c.wantOffered("u", "a")
	c.running("a")
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Port: ptr(1)})
	events := c.events(func(all []contract.Event) bool {
		return contains(all, "rpc_exec_update_task", "Finished updating task")
	})
	at := -1
	for _, want := range [][2]string{
		{"main", "Started"},
		{"rpc_exec_create_task", "Started task creation"},
		{"rpc_exec_create_task", "Finished task creation"},
		{"create_task_time", "#"},
		{"rpc_exec_start_server_task", "Started server task initialization"},
		{"rpc_exec_start_server_task", "Finished server task initialization"},
		{"start_task_time", "#"},
		{"rpc_exec_client_requesting_task", "Started responding requested task to client"},
		{"rpc_call_query_client_info", "Started querying client info"},
		{"rpc_call_query_client_info", "Finished querying client info"},
		{"rpc_exec_client_requesting_task", "Finished responding requested task to client"},
		{"rpc_exec_get_task_by_id", "Started querying task info"},
		{"rpc_exec_get_task_by_id", "Finished querying task info"},
		{"rpc_exec_update_task", "Started updating task"},
		{"rpc_exec_update_task", "Finished updating task"},
	} {
		i := slices.IndexFunc(events, func(e contract.Event) bool {
			text := e.Event
			if want[1] == "#" && strings.Trim(text, "0123456789") == "" {
				text = "#"
			}
			return e.Service == "service_cloud_ml" && e.Function == want[0] && text == want[1]
		})
		if i <= at {
			t.Errorf("%v is at place %d of the timeline, after %d: %+v", want, i, at, events)
		}
		at = i
	}
}

func TestMetrics(t *testing.T) {
	c := newCloud(t)
	reg := prometheus.NewRegistry()
	m := c.manager(func(o *Options) { o.Base.Registerer = reg })
	c.create("new", "")
	c.task("runs", forever)
	c.task("failed", "sys.exit(1)")
	c.start("runs")
	c.start("failed")
	c.becomes("failed", stateFailed)
	check := func(reg *prometheus.Registry, want map[string]float64) {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				name := family.GetName()
				for _, label := range metric.GetLabel() {
					name += " " + label.GetValue()
				}
				got[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			}
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %v, want %v", name, got[name], value)
			}
		}
	}
	check(reg, map[string]float64{"agata_tasks new": 1, "agata_tasks running": 1, "agata_tasks failed": 1,
		"agata_task_start_seconds server": 2, "agata_executions_ended_total exit_nonzero server": 1})
	m.stop()
	check(reg, map[string]float64{"agata_tasks running": 0, "agata_tasks stopped": 1, "agata_executions_ended_total service_stopped server": 1})
	again := prometheus.NewRegistry()
	c.manager(func(o *Options) { o.Base.Registerer = again })
	check(again, map[string]float64{"agata_tasks new": 1, "agata_tasks running": 0, "agata_tasks failed": 1, "agata_tasks stopped": 1})
}
