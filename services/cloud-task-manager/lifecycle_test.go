package cloudtaskmanager

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func ptr[T any](v T) *T { return &v }

func TestLifecycle(t *testing.T) {
	t.Run("embedded broker", func(t *testing.T) { lifecycle(t, newCloud(t)) })
	t.Run("RabbitMQ", func(t *testing.T) {
		node := testenv.RabbitMQ(t)
		lifecycle(t, newCloudOn(t, amqpx.Options{Host: node.Host, Port: node.Port, VHost: node.VHost}, nil))
	})
}

// lifecycle goes through the order that peers exercise, line by line.
func lifecycle(t *testing.T, c *cloud) {
	c.manager()
	c.user(contract.User{ID: "u", DataQnt: ptr(int64(60)), Sensors: []string{"camera"}})

	const start, stop = "rpc_exec_start_server_task", "rpc_exec_stop_server_task"
	wantText := func(function, body, want string) {
		t.Helper()
		_, err := c.call(function, body)
		if err == nil || err.Error() != want {
			t.Errorf("%s %s: %v, want %q", function, body, err, want)
		}
		if rpc.CodeOf(err).WireStatus() != 500 {
			t.Errorf("%s %s: status %d, want 500", function, body, rpc.CodeOf(err).WireStatus())
		}
	}

	// start or stop of an unregistered task fails
	wantText(start, `{"task_id":"a"}`, "Task with ID=a not registered")
	wantText(stop, `{"task_id":"a"}`, "Task with ID=a not registered")
	wantText("rpc_exec_get_task_by_id", `{"task_id":"a"}`, "Task with ID=a not registered")
	wantText("rpc_exec_update_task", `{"task_id":"a","port":1}`, "Task with ID=a not registered")

	// create twice fails the second time
	const create = `{"task_id":"a","host":"localhost","port":8080,"username":"u","password":"p","files_paths":["client.py"]}`
	if value, err := c.call("rpc_exec_create_task", create); err != nil || string(value) != "null" {
		t.Fatalf("create: %s, %v", value, err)
	}
	wantText("rpc_exec_create_task", create, "UNIQUE constraint failed: tasks.ID")
	if code := rpc.CodeOf(second(c.call("rpc_exec_create_task", create))); code != rpc.Conflict {
		t.Errorf("create twice: code %q, want conflict", code)
	}

	// a bad port is a 400
	for _, port := range []string{"-1", "65536", `"8080"`} {
		body := strings.Replace(strings.Replace(create, "8080", port, 1), `"a"`, `"b"`, 1)
		_, err := c.call("rpc_exec_create_task", body)
		if rpc.CodeOf(err).WireStatus() != 400 || !strings.HasPrefix(err.Error(), "rpc_exec_create_task cannot be executed due to invalid arguments: ") {
			t.Errorf("port %s: %v", port, err)
		}
	}

	// start without files fails, and the task is left not running
	wantText(start, `{"task_id":"a"}`, fmt.Sprintf("Directory '%s/tasks/task_a' does not exist.", filepath.Join(c.dir, "work")))
	c.file("a", "client.py", "")
	_, err := c.call(start, `{"task_id":"a"}`)
	if err == nil || !strings.Contains(err.Error(), "server.py") || !strings.Contains(err.Error(), "/upload_files") {
		t.Errorf("start without server.py: %v", err)
	}
	if got := c.summary("a"); got.State != "new" || c.running("a") {
		t.Errorf("after starts that failed: %+v", got)
	}
	wantText(stop, `{"task_id":"a"}`, "Task with ID=a not found")
	c.wantOffered("u")

	// start, stop, start again work
	c.file("a", "server.py", preamble+forever)
	for range 2 {
		c.start("a")
		if !c.running("a") {
			t.Error("it was started and is not running")
		}
		c.wantOffered("u", "a")
		wantText(start, `{"task_id":"a"}`, "Task with ID=a alredy running")
		c.halt("a")
		if got := c.summary("a"); got.State != "stopped" || got.PID != 0 || c.running("a") {
			t.Errorf("after the stop: %+v", got)
		}
		// a task offered to a client disappears from its list once stopped
		c.wantOffered("u")
		wantText(stop, `{"task_id":"a"}`, "Task with ID=a not found")
	}

	// a task whose server process reports an error becomes not running by itself,
	// and a stop afterwards answers not found
	c.file("a", "server.py", preamble+`report(type="error", exception="no quorum")`+"\n"+forever)
	c.start("a")
	if got := c.becomes("a", stateFailed); got.Reason != "report_error: no quorum" {
		t.Errorf("after the error: %+v", got)
	}
	if c.running("a") {
		t.Error("it reported an error and is running")
	}
	c.wantOffered("u")
	wantText(stop, `{"task_id":"a"}`, "Task with ID=a not found")

	// one task with a criterion that cannot be evaluated is not offered and does
	// not spoil the list of others
	c.create("bad", "missing > 1")
	c.file("bad", "server.py", preamble+forever)
	c.task("good", forever)
	c.start("bad")
	c.start("good")
	c.wantOffered("u", "good")
	if len(must(c, contract.ListTasks, contract.ListTasksRequest{}).Tasks) != 3 {
		t.Error("a refused creation left a task")
	}
}

func second[T any](_ T, err error) error { return err }

func TestCreateStoresDefaults(t *testing.T) {
	c := newCloud(t)
	c.manager()
	before := time.Now().Truncate(time.Second)
	if _, err := c.call("rpc_exec_create_task", `{"task_id":"a","host":"h","port":0,"username":"u","password":"p","files_paths":[]}`); err != nil {
		t.Fatal(err)
	}
	value, err := c.call("rpc_exec_get_task_by_id", `{"task_id":"a"}`)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(value, &got); err != nil {
		t.Fatal(err)
	}
	created, err := time.ParseInLocation(contract.DateLayout, got["creation_date"].(string), time.Local)
	if err != nil || created.Before(before) || time.Since(created) > time.Minute || got["last_mod_date"] != got["creation_date"] {
		t.Errorf("dates %v, %v", got["creation_date"], got["last_mod_date"])
	}
	delete(got, "creation_date")
	delete(got, "last_mod_date")
	const want = `{"ID":"a","client_arguments":null,"files_paths":[],"host":"h","password":"p","port":0,"running":false,` +
		`"selection_criteria":"","server_arguments":"","tags":[],"username":"u"}`
	if b, err := json.Marshal(got); err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}

func TestUpdateChangesWhatIsPresent(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "u", DataQnt: ptr(int64(5))})
	c.task("a", forever)
	c.start("a")

	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Host: ptr("other"), Port: ptr(0), ClientArguments: ptr("-x")})
	got := must(c, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
	if got.Host != "other" || got.Port != 0 || *got.ClientArguments != "-x" || got.Username != "user-a" || !got.Running {
		t.Errorf("after the update: %+v", got)
	}
	// A running task is offered as it is now, to those who are now meant.
	offers := must(c, contract.RequestTasks, contract.UserIDRequest{UserID: "u"})
	if len(offers) != 1 || offers[0].Host != "other" || *offers[0].ClientArguments != "-x" {
		t.Errorf("offered %+v", offers)
	}
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", SelectionCriteria: ptr("missing > 1")})
	c.wantOffered("u")
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", SelectionCriteria: ptr("")})
	c.wantOffered("u", "a")

	// An update of a task that does not run offers it to nobody.
	c.halt("a")
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Host: ptr("third")})
	c.wantOffered("u")
	if got := c.summary("a"); got.State != "stopped" {
		t.Errorf("after the update: %+v", got)
	}
}

func TestInvalidArgumentsAre400(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.create("a", "")
	create := func(field string) string {
		return `{"task_id":"b","host":"h","port":1,"username":"u","password":"p","files_paths":["x.py"]` + field + `}`
	}
	for _, tc := range []struct{ name, function, body, want string }{
		{"unknown argument", "rpc_exec_create_task", create(`,"colour":1`), "colour"},
		{"criteria", "rpc_exec_create_task", create(`,"selection_criteria":"data_qnt >"`), "column 11"},
		{"quotes", "rpc_exec_create_task", create(`,"server_arguments":"it's"`), "server_arguments"},
		{"client quotes", "rpc_exec_create_task", create(`,"client_arguments":"\""`), "client_arguments"},
		{"path up", "rpc_exec_create_task", strings.Replace(create(""), "x.py", "../x.py", 1), "files_paths"},
		{"path absolute", "rpc_exec_create_task", strings.Replace(create(""), "x.py", "/etc/passwd", 1), "files_paths"},
		{"id", "rpc_exec_create_task", strings.Replace(create(""), `"b"`, `"../b"`, 1), "task_id"},
		{"running is not settable", "rpc_exec_update_task", `{"task_id":"a","running":true}`, "running"},
		{"state is not settable", "rpc_exec_update_task", `{"task_id":"a","state":"running"}`, "state"},
		{"update criteria", "rpc_exec_update_task", `{"task_id":"a","selection_criteria":"data_qnt >"}`, "column 11"},
		{"update port", "rpc_exec_update_task", `{"task_id":"a","port":70000}`, "port"},
		{"start arguments", "rpc_exec_start_server_task", `{"task_id":"a","arguments":"'"}`, "arguments"},
		{"start unknown", "rpc_exec_start_server_task", `{"task_id":"a","force":true}`, "force"},
		{"request without user", "rpc_exec_client_requesting_task", `{}`, "user_id"},
		{"not an object", "rpc_exec_get_task_by_id", `["a"]`, "object"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.call(tc.function, tc.body)
			prefix := tc.function + " cannot be executed due to invalid arguments: "
			if err == nil || rpc.CodeOf(err) != rpc.Invalid || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q (%v), want a 400 that names %q", rpc.CodeOf(err), err, tc.want)
			}
		})
	}
	if got := must(c, contract.ListTasks, contract.ListTasksRequest{}).Tasks; len(got) != 1 || got[0].State != "new" {
		t.Errorf("after refusals: %+v", got)
	}
}
