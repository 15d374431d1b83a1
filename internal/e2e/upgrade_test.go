package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/experiments/tasks"
	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// newer builds the command once more, as another version, and returns its path.
func newer(t testing.TB, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agata")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X github.com/agata-fl/agata/internal/obs.version="+version,
		"-o", path, "github.com/agata-fl/agata/cmd/agata").CombinedOutput()
	if err != nil {
		t.Fatalf("build another version: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), path, "version").Output(); err != nil || !strings.Contains(string(out), version) {
		t.Fatalf("the other version calls itself %q, %v", out, err)
	}
	return path
}

// A client's manager is upgraded in the middle of a round of a real Flower
// training, by a stop in order or by a kill: the same process trains on under the
// new version, no round is repeated, and none is lost.
func TestUpgradeInTheMiddleOfARound(t *testing.T) {
	t.Parallel()
	if os.Getenv(testenv.PythonVar) == "" {
		t.Skipf("%s names no Python with Flower; make test makes one", testenv.PythonVar)
	}
	for name, end := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upgrade(t, end)
		})
	}
}

func upgrade(t *testing.T, end syscall.Signal) {
	const rounds = 3
	w := newWorld(t)
	w.serveCloud()
	settings := maps.Clone(w.set)
	settings["tasks.work_client"] = w.dir + "/client/client"
	settings["client.params.request_interval"] = "1"
	dir := t.TempDir()
	serve := func(program string) *process {
		p := commandOf(t, program, dir, os.Environ(), settings, "serve", "client-gateway", "client-task-manager")
		w.eventually("the client is up", func() bool { _, err := call(t, w.device, contract.ClientStatus, contract.None{}); return err == nil })
		return p
	}
	upgraded, manager := newer(t, "v99.0.0"), serve(agata(t))

	m, err := tasks.Load("4fe5")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(testenv.Port(t))
	files := []string{}
	for _, file := range append(slices.Clone(m.ServerFiles), "client.py") {
		folder := t.TempDir()
		if err := m.Install(folder, []string{file}); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		// Each round takes seconds, so that the upgrade falls into one.
		const fit = "def fit(self, parameters, config):\n"
		if file == "client.py" && !strings.Contains(string(content), fit) {
			t.Fatal("the client's code has no fit to slow down")
		}
		files = append(files, file, strings.Replace(string(content), fit, fit+"        time.sleep(3)\n", 1))
	}
	if a := w.upload("fl", files...); a.status != http.StatusOK {
		t.Fatalf("upload: %d %s", a.status, a.body)
	}
	clientArguments := "--server 127.0.0.1:" + port
	must(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{
		TaskID: "fl", Host: "127.0.0.1", Port: number(t, port), Username: "user", Password: "123", FilesPaths: m.FilesPaths,
		ServerArguments: fmt.Sprintf("--port %s --rounds %d --min-clients 1", port, rounds), ClientArguments: &clientArguments,
	})
	w.start("fl")
	pid := w.runs("fl").PID
	// The second round has begun once the first is at the cloud.
	w.flowerRounds("fl", contract.SideClient, 1)
	manager.Process.Signal(end) //nolint:errcheck // that it still runs shows next
	manager.Wait()              //nolint:errcheck // it was stopped, or killed
	manager.killed = true       // and is waited for
	if !alive(pid) {
		t.Fatal("the task ended with its manager")
	}
	time.Sleep(500 * time.Millisecond) // an upgrade takes a moment, and the task goes on
	if done := len(w.flowerRounds("fl", contract.SideServer, 0)); done >= rounds {
		t.Fatalf("the training was over before the upgrade: %d rounds", done)
	}
	serve(upgraded)
	if again := w.runs("fl").PID; again != pid {
		t.Errorf("the task's process was %d and is %d", pid, again)
	}
	w.flowerRounds("fl", contract.SideServer, rounds)
	if s := w.becomes("fl", "finished"); s.Round != strconv.Itoa(rounds) {
		t.Errorf("the training ended with %+v", s)
	}
	for _, side := range []string{contract.SideServer, contract.SideClient} {
		if got := w.flowerRounds("fl", side, rounds); len(got) != rounds {
			t.Errorf("the rounds of the %s: %q", side, got)
		}
	}
	var ran []history.Execution
	w.eventually("the client's side has ended", func() bool {
		ran = w.executions("fl")
		return len(ran) == 1 && ran[0].State != "running"
	})
	if r := ran[0]; r.PID != pid || r.State != "finished" || r.Reason != "finished" {
		t.Errorf("the client's execution: %+v", r)
	}
}

// flowerRounds waits until at least n rounds of a side are at the cloud, and
// returns them in the order in which they were told.
func (w *world) flowerRounds(task, side string, n int) (list []string) {
	w.Helper()
	end := time.Now().Add(2 * time.Minute) // a round takes many seconds where others compute too
	for {
		var got struct{ Series []history.Series }
		w.get("/tasks/"+task+"/metrics", &got)
		list = nil
		for _, s := range got.Series {
			if s.Side == side {
				for _, p := range s.Points {
					list = append(list, p.Round)
				}
			}
		}
		if len(list) >= n {
			return list
		}
		if time.Now().After(end) {
			w.Fatalf("of %d rounds of the %s the cloud has %q", n, side, list)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
