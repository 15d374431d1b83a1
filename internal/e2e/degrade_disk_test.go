package e2e

import (
	"context"
	"database/sql"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// The disk of the cloud's data is full: what would change something is refused and
// says why, what runs and what reads goes on, and all comes back when there is room.
func TestDegradeCloudDiskFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["events.register_events"] = "true"
	disk := testenv.NewDisk(t, filepath.Join(w.dir, "cloud"), 24)
	cloud := w.serveCloud()
	only := func(r *contract.CreateTaskRequest) { r.SelectionCriteria = "ID == 'ada'" }
	w.task("stays", "note('up')\n"+forever, "note('stays')\n"+forever, only)
	w.task("dies", "note('dies')\n"+forever, "note('dies')\n"+forever, only)
	w.task("later", forever, "", func(r *contract.CreateTaskRequest) { r.SelectionCriteria = "False" })
	w.start("stays")
	w.start("dies")
	w.set["client.params.policy"], w.set["client.params.max_tasks"] = "all", "4"
	w.serveClient()
	w.noted("cloud", "up")
	w.noted("cloud", "dies") // a program that begins writes to the disk that is to be full
	w.noted("client", "stays")
	w.noted("client", "dies")
	server, client := w.summary("stays").PID, w.runs("stays").PID
	doomed := w.summary("dies").PID

	disk.Fill(t, 0)
	refused := func(what string, err error) {
		t.Helper()
		if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "no space left on device") {
			t.Errorf("%s on a full disk: %s %v", what, rpc.CodeOf(err), err)
		}
	}
	_, err := call(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: "new", FilesPaths: []string{}})
	refused("a creation", err)
	_, err = call(t, w.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: "later"})
	refused("a start", err)
	_, err = call(t, w.operator, contract.UpdateUser, contract.UpdateUserRequest{UserID: "bob"})
	refused("a new client", err)
	if a := w.post("rpc_exec_create_task", `{"task_id":"new","host":"h","port":1,"username":"u","password":"p","files_paths":[]}`); a.status != 500 || a.header.Get("Agata-Code") != "unavailable" {
		t.Errorf("a creation by HTTP: %d %s %s", a.status, a.header.Get("Agata-Code"), a.body)
	}
	if a := request(t, http.MethodPost, w.set["server.gateway.url"]+"/api/v1/tasks", `{"task_id":"new","host":"h","port":1,"username":"u","password":"p","files_paths":[]}`, jsonBody); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "no space left") {
		t.Errorf("a creation by the API: %d %s", a.status, a.body)
	}
	if a := w.upload("later", "server.py", strings.Repeat("x", 1<<20)); a.status != http.StatusInsufficientStorage || !strings.Contains(a.body, "no space left") {
		t.Errorf("an upload: %d %s", a.status, a.body)
	}
	if a := request(t, http.MethodPut, w.set["server.gateway.url"]+"/api/v1/tasks/later/files/server.py", strings.Repeat("x", 1<<20)); a.status != http.StatusInsufficientStorage {
		t.Errorf("an upload by the API: %d %s", a.status, a.body)
	}
	if left, err := filepath.Glob(filepath.Join(disk.Path, "cloud", "tasks", ".staging", "*")); err != nil || len(left) > 0 {
		t.Errorf("half an upload was left: %v %v", left, err)
	}
	// What reads goes on, and what runs.
	if s := w.summary("stays"); s.State != "running" || s.PID != server || !alive(server) || !alive(client) {
		t.Errorf("the task that runs: %+v", s)
	}
	var page struct{ Tasks []contract.TaskSummary }
	if w.get("/tasks", &page); len(page.Tasks) != 3 {
		t.Errorf("the API lists %+v", page.Tasks)
	}
	// A server ends: its clients are released at once, and its end is written when it can be.
	kill(t, doomed)
	w.eventually("the client's side of the task that died has ended", func() bool {
		return !slices.ContainsFunc(w.status().Running, func(e contract.Execution) bool { return e.TaskID == "dies" })
	})
	if !alive(server) || !alive(client) {
		t.Error("another task ended with it")
	}

	disk.Free(t)
	freed := time.Now()
	if s := w.becomes("dies", "failed"); !strings.Contains(s.Reason, "signal") {
		t.Errorf("the task that died: %+v", s)
	}
	t.Logf("its end was recorded %s after there was room", time.Since(freed).Round(time.Millisecond))
	w.task("new", forever, "", func(r *contract.CreateTaskRequest) { r.SelectionCriteria = "False" })
	w.start("later")
	w.start("new")
	if s := w.summary("stays"); s.State != "running" || s.PID != server {
		t.Errorf("the task that runs: %+v", s)
	}
	// What was told meanwhile is not lost.
	var told []string
	testenv.Eventually(t, 2*patience, "the history has what happened on the full disk", func() bool {
		var got struct{ Events []history.Entry }
		w.get("/events?limit=1000&order=oldest&task=dies", &got)
		told = told[:0]
		for _, e := range got.Events {
			told = append(told, e.Event.Event)
		}
		return slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, "Server task failed") })
	})
	for _, text := range []string{"wait in memory: the disk does not take them", "the audit log lacks an entry"} {
		if !strings.Contains(w.log.tail(10000), text) {
			t.Errorf("the log does not say %q", text)
		}
	}

	// Nothing is damaged.
	cloud.stop()
	for _, name := range []string{"cloud-task-manager.db", "cloud-gateway.db", "user-manager.db"} {
		whole(t, filepath.Join(disk.Path, name))
	}
	verified(t, filepath.Join(disk.Path, "audit", "cloud-task-manager.jsonl"))

	// Nothing is started without room, and it says why.
	disk.Fill(t, 0)
	cfg, err := config.Load(config.LoadOptions{Data: disk.Path, Overrides: maps.Clone(w.set)})
	if err != nil {
		t.Fatal(err)
	}
	again, err := app.New(app.Options{Config: cfg, Services: cloud.names})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := again.Run(ctx); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("a start on a full disk: %v", err)
	}
}

// jsonBody says that a request's body is JSON.
func jsonBody(r *http.Request) { r.Header.Set("Content-Type", "application/json") }

// whole checks that a database is not damaged.
func whole(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("%s: %s %v", path, verdict, err)
	}
}

// The client's disk has no room for one task's files: that one waits, with the
// reason, the next one runs, and the first is fetched when there is room.
func TestDegradeClientDiskFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	disk := testenv.NewDisk(t, filepath.Join(w.dir, "client"), 24)
	w.serveCloud()
	if a := w.upload("large", "weights.bin", strings.Repeat("0123456789abcdef", 8<<20/16)); a.status != 200 {
		t.Fatal(a.body)
	}
	w.task("large", forever, "note('large')\n"+forever, func(r *contract.CreateTaskRequest) { r.FilesPaths = []string{"weights.bin", "client.py"} })
	w.task("small", forever, "note('small')\n"+forever, nil)
	w.serveClient()
	disk.Fill(t, 2<<10)
	w.start("large")
	w.eventually("the download is given up", func() bool { return strings.Contains(w.log.tail(1000), "download_failed") })
	if log := w.log.tail(1000); !strings.Contains(log, "weights.bin") || !strings.Contains(log, "no space left on device") {
		t.Error("the log does not say what was missing")
	}
	w.start("small")
	w.noted("client", "small")
	if left, err := filepath.Glob(filepath.Join(disk.Path, "client", "tasks", "task_large", "weights*")); err != nil || len(left) > 0 {
		t.Errorf("half a file was left: %v %v", left, err)
	}
	disk.Free(t)
	must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "small"})
	_, _ = call(t, w.device, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "large"}) // after three failures it waits for a minute
	w.noted("client", "large")
}

// There is no room for an execution's files: its start fails and says so, at the
// cloud to who asked, and the next try with room succeeds.
func TestDegradeExecutionsDiskFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cloud := testenv.NewDisk(t, filepath.Join(w.dir, "cloud", "server-executions"), 1)
	client := testenv.NewDisk(t, filepath.Join(w.dir, "client", "client-task-manager", "executions"), 1)
	w.serveCloud()
	w.task("a", forever, "note('a')\n"+forever, nil)
	cloud.Fill(t, 0)
	_, err := call(t, w.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"})
	if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("a start without room for its files: %s %v", rpc.CodeOf(err), err)
	}
	if s := w.summary("a"); s.State == "running" {
		t.Errorf("a start that failed: %+v", s)
	}
	cloud.Free(t)
	client.Fill(t, 0)
	w.start("a")
	w.serveClient()
	w.eventually("the client's start fails", func() bool { return strings.Contains(w.log.tail(1000), "start_failed") })
	if !strings.Contains(w.log.tail(1000), "no space left on device") {
		t.Error("the log does not say what was missing")
	}
	client.Free(t)
	w.noted("client", "a")

	// One that ends on a full disk: how it ended is known all the same.
	pid, server := w.runs("a").PID, w.summary("a").PID
	client.Fill(t, 0)
	cloud.Fill(t, 0)
	kill(t, pid)
	if reason := w.held("a"); reason != "signaled" {
		t.Errorf("the client's side that was killed on a full disk is held for %s", reason)
	}
	kill(t, server)
	if s := w.becomes("a", "failed"); !strings.Contains(s.Reason, "signal 9") {
		t.Errorf("the server's side that was killed on a full disk: %+v", s)
	}
	if n := len(w.notes("client", "a")); n != 1 {
		t.Errorf("the client's side was run %d times", n)
	}

}

// verified checks that an audit log is as it was written, and tells what it lacks.
func verified(t testing.TB, path string) {
	t.Helper()
	missing := false
	_, err := audit.Verify(path, nil, audit.Head{}, func(e audit.Entry) error {
		missing = missing || strings.Contains(e.Detail, "before this one could not be written")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if !missing {
		t.Error("no entry tells that some before it could not be written")
	}
}
