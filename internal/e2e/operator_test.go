package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// The functions of the wire that an operator's program calls.
const (
	create    = "rpc_exec_create_task"
	start     = "rpc_exec_start_server_task"
	stop      = "rpc_exec_stop_server_task"
	update    = "rpc_exec_update_task"
	getTask   = "rpc_exec_get_task_by_id"
	askTasks  = "rpc_exec_client_requesting_task"
	updateMe  = "rpc_exec_update_user_info"
	getUser   = "rpc_exec_get_user_info"
	taskX     = `{"task_id":"x","host":"127.0.0.1","port":8080,"username":"user","password":"123","files_paths":["client.py"]}`
	justX     = `{"task_id":"x"}`
	xNotThere = "Task with ID=x not registered"
)

// A program in Python manages tasks on RabbitMQ, whoever declared the queues
// first.
func TestPythonOperator(t *testing.T) {
	node, node2 := testenv.RabbitMQ(t), testenv.RabbitMQ2(t)
	t.Run("queues before services", func(t *testing.T) {
		w, p := pythonWorld(t, node, node2)
		p.declare(wireQueues...)
		w.serveCloud()
		lifecycle(t, w, p)
	})
	t.Run("services before queues", func(t *testing.T) {
		w, p := pythonWorld(t, node, node2)
		w.serveCloud()
		p.declare(wireQueues...)
		lifecycle(t, w, p)
	})
}

// pythonWorld has the virtual hosts that peers know, and a peer.
func pythonWorld(t testing.TB, cloud, client *testenv.Node) (*world, *peer) {
	t.Helper()
	w := newWorldOn(t, peerBroker(t, cloud), peerBroker(t, client))
	w.set["events.register_events"] = "true"
	return w, newPeer(t, w.cloud, "ask")
}

// lifecycle is section 4 of the contract, line by line.
func lifecycle(t *testing.T, w *world, p *peer) {
	p.fails(start, justX, 500, xNotThere)
	p.fails(stop, justX, 500, xNotThere)
	p.fails(getTask, justX, 500, xNotThere)
	p.fails(update, justX, 500, xNotThere)

	p.ok(create, taskX, nil)
	p.fails(create, taskX, 500, "UNIQUE constraint failed: tasks.ID")
	for _, port := range []string{"70000", "-1", `"8080"`, "80.5", "null"} {
		r := p.callAs(create, create, strings.Replace(strings.Replace(taskX, `"x"`, `"y"`, 1), "8080", port, 1))
		if r.status != 400 || !strings.HasPrefix(r.exception, create+" cannot be executed due to invalid arguments: ") || !strings.Contains(r.exception, "port") {
			t.Errorf("port %s: %d %s", port, r.status, r.exception)
		}
	}
	p.fails(getTask, `{"task_id":"y"}`, 500, "Task with ID=y not registered")

	p.fails(start, justX, 500, "Directory '"+filepath.Join(w.dir, "cloud", "cloud", "tasks", "task_x")+"' does not exist.")
	if running(t, p) {
		t.Error("a task whose start failed is running")
	}
	p.fails(stop, justX, 500, "Task with ID=x not found")

	const server = prelude + `
note("argv", " ".join(sys.argv[2:]) or "none")
note("cwd", str(os.path.exists("config.ini")))
say(type="info", info="Started")
if "fail" in sys.argv: say(type="error", exception="no data at all")
` + forever
	var a web
	p.ask("upload", map[string]any{"url": w.set["server.files.url"] + "/upload_files", "task_id": "x",
		"files": map[string]string{"server.py": server, "client.py": "pass"}}, &a)
	var uploaded struct {
		Message string
		Files   []string
	}
	if err := json.Unmarshal([]byte(a.Body), &uploaded); err != nil || a.Status != 200 || uploaded.Message != "Files uploaded successfully" ||
		!slices.Equal(slices.Sorted(slices.Values(uploaded.Files)), []string{"client.py", "server.py"}) {
		t.Fatalf("upload: %d %s", a.Status, a.Body)
	}

	p.ok(start, justX, nil)
	if !running(t, p) {
		t.Error("a started task is not running")
	}
	p.fails(start, justX, 500, "Task with ID=x alredy running")
	p.ok(stop, justX, nil)
	if running(t, p) {
		t.Error("a stopped task is running")
	}
	p.fails(stop, justX, 500, "Task with ID=x not found")
	p.ok(start, justX, nil) // again
	p.ok(stop, justX, nil)

	p.ok(update, `{"task_id":"x","server_arguments":"--rounds 3","port":8081,"selection_criteria":"data_qnt > 5","client_arguments":"a 'b c'"}`, nil)
	record := taskRecord(t, p)
	if record["server_arguments"] != "--rounds 3" || record["port"] != 8081.0 || record["selection_criteria"] != "data_qnt > 5" ||
		record["client_arguments"] != "a 'b c'" || record["username"] != "user" {
		t.Errorf("the updated task: %v", record)
	}
	// A server that reports an error is not running by itself.
	p.ok(start, `{"task_id":"x","arguments":"fail now"}`, nil)
	w.eventually("the failed task is not running", func() bool { return !running(t, p) })
	p.fails(stop, justX, 500, "Task with ID=x not found")
	if argv := w.notes("cloud", "argv"); !slices.Equal(argv[max(0, len(argv)-2):], []string{"fail", "now"}) {
		t.Errorf("the server's arguments: %v", argv)
	}
	if cwd := w.notes("cloud", "cwd"); slices.Contains(cwd, "False") {
		t.Errorf("a server did not run where config.ini is: %v", cwd)
	}
	refusals(t, w, p)
}

// taskRecord is the task x, with exactly the keys of the contract.
func taskRecord(t testing.TB, p *peer) (record map[string]any) {
	t.Helper()
	p.ok(getTask, justX, &record)
	want := []string{"ID", "client_arguments", "creation_date", "files_paths", "host", "last_mod_date", "password", "port", "running",
		"selection_criteria", "server_arguments", "tags", "username"}
	if got := slices.Sorted(maps.Keys(record)); !slices.Equal(got, want) {
		t.Errorf("a task has the keys %v, want %v", got, want)
	}
	for _, key := range []string{"creation_date", "last_mod_date"} {
		text, _ := record[key].(string)
		at, err := time.ParseInLocation(time.DateTime, text, time.Local)
		if err != nil || time.Since(at).Abs() > 5*time.Minute {
			t.Errorf("%s is %v", key, record[key])
		}
	}
	return record
}

func running(t testing.TB, p *peer) bool {
	t.Helper()
	switch v := taskRecord(t, p)["running"].(type) {
	case bool:
		return v
	case float64:
		return v != 0
	default:
		t.Errorf("running is %v", v)
		return false
	}
}

// refusals are what no function takes.
func refusals(t *testing.T, w *world, p *peer) {
	if r := p.callAs(start, "rpc_exec_nothing", "{}"); r.status != 500 || r.exception != "rpc_exec_nothing is an invalid RPC function" {
		t.Errorf("an unknown function: %d %s", r.status, r.exception)
	}
	for name, body := range map[string]string{"not JSON": `{"task_id":`, "empty": "", "no object": `["x"]`, "null": "null", "unknown argument": `{"task_id":"x","y":1}`, "missing": "{}"} {
		r := p.callAs(start, start, body)
		if r.status != 400 || !strings.HasPrefix(r.exception, start+" cannot be executed due to invalid arguments: ") || len(r.exception) < 70 {
			t.Errorf("%s: %d %s", name, r.status, r.exception)
		}
	}
	gateway := w.set["server.gateway.url"]
	if a := p.post(gateway+"/rpc_exec_nothing", "{}"); a.Status != 500 || a.Body != `"rpc_exec_nothing is an invalid RPC function"` {
		t.Errorf("an unknown function at the gateway: %+v", a)
	}
	if a := p.post(gateway+"/"+getTask, justX); a.Status != http.StatusOK || !strings.Contains(a.Body, `"ID":"x"`) {
		t.Errorf("the task at the gateway: %+v", a)
	}
	// No files and no task id.
	for name, arguments := range map[string]map[string]any{"no task": {"files": map[string]string{"a": "b"}}, "no file": {"task_id": "x"}} {
		arguments["url"] = w.set["server.files.url"] + "/upload_files"
		var a web
		if p.ask("upload", arguments, &a); a.Status != 400 {
			t.Errorf("an upload with %s: %+v", name, a)
		}
	}
}
