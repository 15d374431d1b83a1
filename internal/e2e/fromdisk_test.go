package e2e

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// A client's machine restarts while the cloud is away: its services, its task and
// the task's shim are gone at once. What ran starts from disk; when the cloud is
// back the same execution goes on.
func TestAMachineRestartsWithoutTheCloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["server.gateway.port"], w.set["server.files.port"] = strconv.Itoa(testenv.Port(t)), strconv.Itoa(testenv.Port(t))
	serveCloud := func() *service { return w.serve(app.UserManager, app.CloudTaskManager, app.CloudGateway, keepTasks) }
	cloud := serveCloud()
	w.task("bad", forever, "note('bad')\nsay(type='error', exception='no data')\n"+forever, nil)
	w.task("a", "note('up')\n"+forever, "note('up')\n"+forever, nil)
	w.task("next", forever, "note('next')\n"+forever, nil)
	for _, id := range []string{"bad", "a", "next"} {
		w.start(id)
	}
	settings := maps.Clone(w.set)
	settings["tasks.work_client"] = w.dir + "/client/client"
	dir := t.TempDir()
	client := func() *process {
		p := command(t, dir, os.Environ(), settings, "serve", "client-gateway", "client-task-manager")
		w.eventually("the client is up", func() bool { _, err := call(t, w.device, contract.ClientStatus, contract.None{}); return err == nil })
		return p
	}
	first := client()
	w.held("bad")
	w.noted("client", "up")
	before := w.runs("a")

	cloud.stop()
	shim := parent(t, before.PID)
	first.kill()
	kill(t, shim)
	_ = syscall.Kill(before.PID, syscall.SIGKILL) // it may have died with its shim
	w.eventually("nothing of the task is left", func() bool { return !alive(before.PID) && !alive(shim) })

	client()
	w.eventually("the task has started from disk", func() bool { return len(w.notes("client", "up")) == 2 })
	var e contract.Execution
	w.eventually("the client says so, and that the cloud is away", func() bool {
		st := w.status()
		if len(st.Running) == 1 {
			e = st.Running[0]
		}
		return e.TaskID == "a" && strings.Contains(st.LastError, contract.CloudInvalid)
	})
	if e.ExecutionID == before.ExecutionID || e.PID == before.PID {
		t.Errorf("it is the execution that was killed: %+v", e)
	}

	serveCloud()
	w.eventually("the client finds the cloud again", func() bool { return w.status().LastError == "" })
	for range 3 { // over some polls
		time.Sleep(400 * time.Millisecond)
		if now := w.runs("a"); now.ExecutionID != e.ExecutionID || now.PID != e.PID {
			t.Fatalf("the task was disturbed when the cloud came back: %+v, before %+v", now, e)
		}
	}
	for name, want := range map[string]int{"up": 2, "bad": 1, "next": 0} {
		if n := len(w.notes("client", name)); n != want {
			t.Errorf("%q was started %d times, want %d", name, n, want)
		}
	}
	// It goes by the cloud again.
	must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
	w.noted("client", "next")
	for _, id := range []string{"bad", "next"} {
		must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: id})
	}
	w.eventually("nothing runs", func() bool { return len(w.status().Running) == 0 })
}

// parent is the process that started another one.
func parent(t testing.TB, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// After the name, which may hold anything: state, then the parent.
	ppid := number(t, strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))[1])
	if ppid <= 1 || ppid == os.Getpid() || ppid == syscall.Getppid() {
		t.Fatalf("process %d is a child of %d, which is no shim", pid, ppid)
	}
	return ppid
}
