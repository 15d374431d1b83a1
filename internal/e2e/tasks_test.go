package e2e

import (
	"errors"
	"io/fs"
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

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// prelude is the beginning of each task program. A note is a line that it leaves
// in its work folder for the test, its process id if it has nothing else to say.
const prelude = `import json, os, signal, subprocess, sys, time
def say(**report): print(json.dumps(report), flush=True)
def note(name, text=None):
    with open(os.path.join(sys.argv[1], name), "a") as f: f.write(str(text or os.getpid()) + "\n")
def finish():
    say(type="info", info="Finished")
    time.sleep(60)
def forever():
    while True: time.sleep(1)
`

const forever = "forever()\n"

// python is the interpreter of task programs: any will do.
func python(t testing.TB) string {
	t.Helper()
	if p := os.Getenv(testenv.PythonVar); p != "" {
		return p
	}
	p, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("task programs need a python3 in PATH")
	}
	return p
}

// task registers a task with its two programs; adjust may be nil.
func (w *world) task(id, server, client string, adjust func(*contract.CreateTaskRequest)) {
	w.Helper()
	if a := w.upload(id, "server.py", prelude+server, "client.py", prelude+client); a.status != http.StatusOK {
		w.Fatalf("upload of task %s: %d %s", id, a.status, a.body)
	}
	req := contract.CreateTaskRequest{TaskID: id, Host: "127.0.0.1", Port: 8080, Username: "user", Password: "123", FilesPaths: []string{"client.py"}}
	if adjust != nil {
		adjust(&req)
	}
	must(w, w.operator, contract.CreateTask, req)
}

func (w *world) start(id string) {
	w.Helper()
	must(w, w.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: id})
}

// summary is a task's line in the cloud's list.
func (w *world) summary(id string) contract.TaskSummary {
	w.Helper()
	var list contract.TaskList
	w.eventually("the cloud lists its tasks", func() bool { // its task manager may be on its way back
		var err error
		list, err = call(w, w.operator, contract.ListTasks, contract.ListTasksRequest{})
		return err == nil
	})
	for _, s := range list.Tasks {
		if s.ID == id {
			return s
		}
	}
	w.Fatalf("the cloud does not know task %s", id)
	return contract.TaskSummary{}
}

// becomes waits until a task has a state and returns its line.
func (w *world) becomes(id, state string) (s contract.TaskSummary) {
	w.Helper()
	end := time.Now().Add(patience)
	for s = w.summary(id); s.State != state; s = w.summary(id) {
		if time.Now().After(end) {
			w.Fatalf("task %s is %s (%s), not %s", id, s.State, s.Reason, state)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return s
}

// status is what the client does.
func (w *world) status() contract.ClientState {
	w.Helper()
	return must(w, w.device, contract.ClientStatus, contract.None{})
}

// runs waits until the client runs a task and returns its execution.
func (w *world) runs(id string) (e contract.Execution) {
	w.Helper()
	w.eventually("the client runs task "+id, func() bool {
		for _, e = range w.status().Running {
			if e.TaskID == id {
				return true
			}
		}
		return false
	})
	return e
}

// held waits until a task is in quarantine on the client and returns why.
func (w *world) held(id string) (reason string) {
	w.Helper()
	w.eventually("task "+id+" is in quarantine", func() bool {
		for _, q := range w.status().Quarantined {
			if q.TaskID == id {
				reason = string(q.Reason)
				return true
			}
		}
		return false
	})
	return reason
}

// notes are the lines that a task's programs left on a side, cloud or client.
func (w *world) notes(side, name string) []string {
	w.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, side, side, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.Fatal(err)
	}
	return strings.Fields(string(b))
}

// noted waits for a note and returns its first line.
func (w *world) noted(side, name string) string {
	w.Helper()
	w.eventually("a task on the side "+side+" notes "+name, func() bool { return len(w.notes(side, name)) > 0 })
	return w.notes(side, name)[0]
}

// alive tells whether a process is there and no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func kill(t testing.TB, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("%d is no task's process", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// note leaves a note for a task's programs.
func (w *world) note(side, name string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, side, side, name), nil, 0o644); err != nil {
		w.Fatal(err)
	}
}

// ended waits until the client runs a task no more, and it was no failure.
func (w *world) ended(id string) {
	w.Helper()
	w.eventually("the client's side of task "+id+" has ended", func() bool {
		return !slices.ContainsFunc(w.status().Running, func(e contract.Execution) bool { return e.TaskID == id })
	})
	for _, q := range w.status().Quarantined {
		if q.TaskID == id {
			w.Errorf("the client's side of task %s failed: %s", id, q.Reason)
		}
	}
}
