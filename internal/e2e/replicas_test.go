package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// Three task managers, each a process of its own with its own data, one of which
// dies: what clients and operators see of them is one cloud.
func TestThreeTaskManagers(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, rabbit(testenv.RabbitMQ(t)), embed(t, 0))
	url := testenv.Postgres(t)
	w.set["server.gateway.port"], w.set["server.files.port"] = strconv.Itoa(testenv.Port(t)), strconv.Itoa(testenv.Port(t))
	w.set["server.gateway.url"] = "http://127.0.0.1:" + w.set["server.gateway.port"]
	w.set["server.files.url"] = "http://127.0.0.1:" + w.set["server.files.port"]
	settings := maps.Clone(w.set)
	settings["tasks.work_cloud"], settings["tasks.lease"], settings["server.store.url"] = w.dir+"/cloud/cloud", "5", url
	dirs := map[string]string{} // by instance
	managers := map[string]*process{}
	begin := func(dir string) *process {
		own := maps.Clone(settings)
		if _, first := os.Stat(dir + "/first"); first != nil { // that one serves the files of all
			own["server.files.port"] = strconv.Itoa(testenv.Port(t))
		}
		return command(t, dir, os.Environ(), own, "serve", "cloud-task-manager")
	}
	command(t, t.TempDir(), os.Environ(), settings, "serve", "user-manager", "cloud-gateway")
	for i := range 3 {
		dir := t.TempDir()
		if i == 0 {
			if err := os.WriteFile(dir+"/first", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p := begin(dir)
		var id string
		w.eventually("it is an instance", func() bool {
			text, err := os.ReadFile(filepath.Join(dir, "data", "instance"))
			id = strings.TrimSpace(string(text))
			return err == nil && id != ""
		})
		dirs[id], managers[id] = dir, p
	}
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background()) //nolint:errcheck // the test's end
	text := func(query string, args ...any) (s string) {
		t.Helper()
		if err := db.QueryRow(t.Context(), query, args...).Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	testenv.Eventually(t, time.Minute, "the cloud is up", func() bool {
		answers, err := w.operator.Ask(t.Context(), "ping", 200*time.Millisecond) // of who serves all that it has
		return err == nil && len(answers) == len(dirs)+2
	})
	w.task("a", "note('up')\nprint('I serve', flush=True)\n"+forever, "note('up')\n"+forever, nil)
	w.serveClient()
	owner := func() string {
		return text(`SELECT owner FROM agata_cloud_task_manager.tasks WHERE id = 'a' AND state = 'running'`)
	}

	// Wherever it is started, stopped, changed and read. The first one is not to own
	// it in the end, since it serves the files.
	seen := map[string]bool{}
	for round := 0; len(seen) < 3 || dirs[owner()] == "" || fileThere(dirs[owner()]+"/first"); round++ {
		if round == 30 {
			t.Fatalf("after %d starts %d managers have run it", round, len(seen))
		}
		if round > 0 {
			must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
			if s := w.summary("a"); s.State != "stopped" {
				t.Fatalf("after a stop: %+v", s)
			}
		}
		w.start("a")
		seen[owner()] = true
	}
	for range 6 {
		w.eventually("its output is read", func() bool {
			logs := must(t, w.operator, contract.ServerLogs, contract.LogsRequest{TaskID: "a"})
			return strings.Contains(strings.Join(logs.Lines, "\n"), "I serve")
		})
	}
	w.runs("a")
	for i, criteria := range []string{"False", "", "data_qnt > 1000", ""} {
		must(t, w.operator, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", SelectionCriteria: &criteria})
		w.eventually(fmt.Sprintf("update %d is seen by the client", i), func() bool { return (len(w.status().Running) == 1) == (criteria == "") })
	}

	dead, pid := owner(), w.summary("a").PID
	managers[dead].kill()
	testenv.Eventually(t, time.Minute, "its task is lost", func() bool { return w.summary("a").State == "failed" })
	if s := w.summary("a"); !strings.HasPrefix(s.Reason, "lost: the task manager on ") {
		t.Errorf("lost: %+v", s)
	}
	w.eventually("the client has ended its side", func() bool { return len(w.status().Running) == 0 })
	w.start("a")
	w.runs("a")
	if now := owner(); now == dead {
		t.Errorf("it was started again by the dead one")
	}
	if !alive(pid) {
		t.Error("the lost process had ended by itself")
	}
	next := w.summary("a").PID
	begin(dirs[dead])
	testenv.Eventually(t, time.Minute, "the process that nobody wants ends", func() bool { return !alive(pid) })
	if s := w.summary("a"); s.State != "running" || s.PID != next || !alive(next) {
		t.Errorf("in the end the task is %+v", s)
	}
	must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
	w.eventually("the client has stopped its side", func() bool { return len(w.status().Running) == 0 })
}

func fileThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
