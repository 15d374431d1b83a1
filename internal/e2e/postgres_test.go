package e2e

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// The story of a task on a cloud whose services keep what they know in PostgreSQL:
// created, started, polled, run, over the death of the cloud's process and of the
// database, and stopped.
func TestCloudOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := testenv.StartPostgres(t)
	w := newWorld(t)
	w.set["server.gateway.port"], w.set["server.files.port"] = strconv.Itoa(testenv.Port(t)), strconv.Itoa(testenv.Port(t))
	w.set["server.gateway.url"] = "http://127.0.0.1:" + w.set["server.gateway.port"]
	w.set["server.files.url"] = "http://127.0.0.1:" + w.set["server.files.port"]
	settings := maps.Clone(w.set)
	settings["tasks.work_cloud"] = w.dir + "/cloud/cloud"
	settings["server.store.url"] = server.URL
	dir := t.TempDir()
	answers := func() bool {
		_, err := call(t, w.operator, contract.ListTasks, contract.ListTasksRequest{})
		_, userErr := call(t, w.operator, contract.ListUsers, contract.ListRequest{})
		return err == nil && userErr == nil
	}
	cloud := func() *process {
		p := command(t, dir, os.Environ(), settings, "serve", "user-manager", "cloud-task-manager", "cloud-gateway")
		w.eventually("the cloud is up", answers)
		return p
	}
	first := cloud()
	w.task("a", "note('up')\n"+forever, "say(type='model', round='1', acc='0.5', loss='1.25')\nnote('up')\n"+forever, nil)
	w.start("a")
	w.serveClient()
	pid, task := number(t, w.noted("cloud", "up")), number(t, w.noted("client", "up"))
	w.told("a", 1)

	first.kill()
	cloud()
	if s := w.summary("a"); s.State != "running" || s.PID != pid || len(w.notes("cloud", "up")) != 1 {
		t.Errorf("after the kill the task is %+v, its process was %d", s, pid)
	}
	if n := w.rounds("a"); len(n) != 1 {
		t.Errorf("of the rounds %q are left", n)
	}

	// The database dies: calls fail soon and as what they are, tasks go on, and so
	// does the cloud when it is back.
	server.Kill()
	began := time.Now()
	_, err := call(t, w.operator, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Host: ptr("h")})
	if rpc.CodeOf(err) != rpc.Unavailable || time.Since(began) > 15*time.Second {
		t.Errorf("without its database: %v (%s) after %s", err, rpc.CodeOf(err), time.Since(began))
	}
	if _, err := call(t, w.operator, contract.GetUser, contract.UserIDRequest{UserID: "ada"}); rpc.CodeOf(err) != rpc.Unavailable {
		t.Errorf("a read without the database: %v (%s)", err, rpc.CodeOf(err))
	}
	server.Start()
	w.eventually("the cloud goes on", answers)
	if !alive(pid) || !alive(task) {
		t.Error("the task ended with the database")
	}
	must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
	w.eventually("the client has stopped its side", func() bool { return len(w.status().Running) == 0 })
	if s := w.summary("a"); s.State != "stopped" {
		t.Errorf("in the end the task is %+v", s)
	}

	// Nothing of it is in files.
	var files []string
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".db") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) > 0 {
		t.Errorf("there are databases in files: %v, %v", files, err)
	}
}
