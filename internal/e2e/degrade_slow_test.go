package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// All state is on a disk that takes its time for each write and flush, and then one
// that hangs: calls wait for it, then fail in time; what reads and what runs goes on;
// nothing is started twice, and nothing is lost.
func TestDegradeSlowDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	disk := testenv.NewSlowDisk(t, w.dir)
	gateway, files := strconv.Itoa(testenv.Port(t)), strconv.Itoa(testenv.Port(t))
	maps.Copy(w.set, map[string]string{
		"server.gateway.port": gateway, "server.gateway.url": "http://127.0.0.1:" + gateway,
		"server.files.port": files, "server.files.url": "http://127.0.0.1:" + files,
		"tasks.work_cloud": filepath.Join(w.dir, "cloud", "cloud"), "tasks.work_client": filepath.Join(w.dir, "client", "client"),
		"client.params.policy": "all", "client.params.max_tasks": "4",
	})
	for _, side := range []string{"cloud", "client"} {
		if err := os.Mkdir(filepath.Join(w.dir, side), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	command(t, filepath.Join(w.dir, "cloud"), os.Environ(), w.set, "serve", "user-manager", "cloud-task-manager", "cloud-gateway")
	command(t, filepath.Join(w.dir, "client"), os.Environ(), w.set, "serve", "client-gateway", "client-task-manager")
	w.eventually("the cloud is up", func() bool {
		_, err := call(t, w.operator, contract.ListTasks, contract.ListTasksRequest{})
		return err == nil
	})
	w.eventually("its gateway is up", func() bool {
		resp, err := http.Get(w.set["server.gateway.url"] + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})

	// A worn card: 20 ms a write, 0.3 s a flush.
	disk.Slow(20*time.Millisecond, 300*time.Millisecond)
	began, flushes := time.Now(), disk.Flushes()
	w.task("stays", "note('up')\n"+forever, rounding, nil)
	w.task("dies", forever, "note('dies')\n"+forever, nil)
	w.start("stays")
	w.start("dies")
	stays, dies := w.runs("stays"), w.runs("dies")
	w.noted("cloud", "up")
	w.noted("client", "dies")
	t.Logf("two tasks were created, started, fetched and run in %s, with %d flushes", time.Since(began).Round(time.Millisecond), disk.Flushes()-flushes)
	server := w.summary("stays").PID
	w.note("client", "stage-1")
	w.told("stays", 10)

	// It hangs: a write takes longer than a call may.
	disk.Slow(5*time.Second, 5*time.Second)
	began = time.Now()
	if a := w.post("rpc_exec_create_task", `{"task_id":"new","host":"h","port":1,"username":"u","password":"p","files_paths":[]}`); a.header.Get("Agata-Code") != "deadline" {
		t.Errorf("a creation on a disk that hangs: %d %s", a.status, a.body)
	}
	// After 3 s, rpc.timeout, and what it takes to put that on record.
	if took := time.Since(began); took > patience {
		t.Errorf("a creation on a disk that hangs failed after %s", took)
	}
	began = time.Now()
	w.summary("stays")
	w.status()
	var page struct{ Tasks []contract.TaskSummary }
	w.get("/tasks", &page)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("what reads waited %s for the disk", took)
	}
	kill(t, dies.PID)
	w.note("client", "stage-2")
	time.Sleep(3 * time.Second) // the disk hangs on
	if !alive(server) || !alive(stays.PID) || w.runs("stays").PID != stays.PID {
		t.Error("a task that runs was disturbed")
	}

	disk.Slow(0, 0)
	freed := time.Now()
	w.eventually("the creation whose outcome was unknown is there, or can be made", func() bool {
		_, err := call(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: "new", FilesPaths: []string{}})
		return err == nil || rpc.CodeOf(err) == rpc.Conflict
	})
	w.told("stays", 20)
	w.eventually("the end of what was killed is told", func() bool {
		return slices.ContainsFunc(w.executions("dies"), func(e history.Execution) bool { return e.ID == dies.ExecutionID && e.Reason == contract.ReasonSignaled })
	})
	t.Logf("all that happened meanwhile was told %s after the disk was well", time.Since(freed).Round(time.Millisecond))
	w.held("dies")
	if e := w.runs("stays"); e.PID != stays.PID || w.summary("stays").PID != server {
		t.Errorf("the task that runs was disturbed: %+v", e)
	}
	for task, want := range map[string]int{"stays": 1, "dies": 0} {
		if copies := programs(t, filepath.Join(w.dir, "client"), task); len(copies) != want {
			t.Errorf("%d copies of task %s run: %q", len(copies), task, copies)
		}
	}
	if s := w.summary("new"); s.State != "new" {
		t.Errorf("the task that was created meanwhile: %+v", s)
	}
	for _, task := range []string{"stays", "dies"} { // which a manager leaves running
		must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: task})
	}
	w.eventually("the client runs nothing any more", func() bool { return len(w.status().Running) == 0 })
}

// programs are the processes that run a task's client below a folder.
func programs(t testing.TB, dir, task string) (list []string) {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range entries {
		b, err := os.ReadFile(path)
		if line := strings.ReplaceAll(string(b), "\x00", " "); err == nil && strings.Contains(line, dir) && strings.Contains(line, "client.py") && strings.Contains(line, task) {
			list = append(list, fmt.Sprint(filepath.Base(filepath.Dir(path)), " ", line))
		}
	}
	return list
}
