package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// soon is how long the news of a process' end may take.
const soon = time.Second

func TestKilledServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.task("a", `sys.stderr.write("my last words\n"); note("up")`+"\n"+forever, "", nil)
	w.start("a")
	w.noted("cloud", "up")
	kill(t, w.summary("a").PID)
	var s contract.TaskSummary
	testenv.Eventually(t, soon, "the killed server is seen", func() bool { s = w.summary("a"); return s.State == "failed" })
	for _, part := range []string{"signaled", "signal 9", "my last words"} {
		if !strings.Contains(s.Reason, part) {
			t.Errorf("the reason %q does not tell of %s", s.Reason, part)
		}
	}
	if must(t, w.operator, contract.GetTask, contract.TaskIDRequest{TaskID: "a"}).Running {
		t.Error("its record says that it runs")
	}
	w.start("a") // nothing is in the way of another try
}

func TestKilledClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	for _, id := range []string{"a", "b"} {
		w.task(id, forever, `note("`+id+`")`+"\n"+forever, nil)
		w.start(id)
	}
	w.serveClient()
	w.noted("client", "a")
	kill(t, w.runs("a").PID)
	testenv.Eventually(t, soon, "the killed client is seen", func() bool { return len(w.status().Quarantined) > 0 })
	if reason := w.held("a"); reason != "signaled" {
		t.Errorf("task a is in quarantine for %s", reason)
	}
	w.noted("client", "b") // it goes on with the next
	if n := w.notes("client", "a"); len(n) != 1 {
		t.Errorf("the killed task was run %d times", len(n))
	}
	if w.summary("a").State != "running" {
		t.Error("the task's server stopped because one client was killed")
	}
}

// A program that leaves its session, its group and its parent does not outlive
// the task.
func TestGrandchildInItsOwnSession(t *testing.T) {
	t.Parallel()
	const child = `
child = "import os, time; os.fork() and os._exit(0); os.setsid(); open(%r, 'w').write(str(os.getpid())); time.sleep(1000)"
subprocess.Popen([sys.executable, "-c", child % os.path.join(sys.argv[1], "grandchild")], start_new_session=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
` + forever
	w := newWorld(t)
	w.serveCloud()
	w.task("a", child, child, nil)
	w.start("a")
	w.serveClient()
	client := number(t, w.noted("client", "grandchild"))
	server := number(t, w.noted("cloud", "grandchild"))
	if !alive(server) || !alive(client) {
		t.Fatal("the grandchildren do not run")
	}
	must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
	if alive(server) {
		t.Error("the server's grandchild runs after the stop")
	}
	w.eventually("the client has stopped its side", func() bool { return len(w.status().Running) == 0 })
	if alive(client) {
		t.Error("the client's grandchild runs after the stop")
	}
	if q := w.status().Quarantined; len(q) > 0 {
		t.Errorf("a stop is no failure: %+v", q)
	}
}

func TestTenMegabytesOfStandardError(t *testing.T) {
	t.Parallel()
	const noisy = `
for i in range(10 * 1024): sys.stderr.write("x" * 1023 + "\n")
note("written")
finish()
`
	w := newWorld(t)
	w.serveCloud()
	w.task("a", noisy, noisy, nil)
	w.start("a")
	w.noted("cloud", "written")
	if s := w.becomes("a", "finished"); s.Reason != "finished: it reported Finished" {
		t.Errorf("it ended for the reason %q", s.Reason)
	}
	// A server that is there for the client's time.
	w.task("b", forever, noisy, nil)
	w.start("b")
	w.serveClient()
	w.noted("client", "written")
	w.eventually("the client's side has ended", func() bool { return len(w.status().Running) == 0 })
	if q := w.status().Quarantined; len(q) > 0 {
		t.Errorf("a finished task is in quarantine: %+v", q)
	}
	lines := must(t, w.operator, contract.ServerLogs, contract.LogsRequest{TaskID: "a"}).Lines
	if !strings.Contains(strings.Join(lines, "\n"), "info: Finished") {
		t.Errorf("its log of %d lines lacks the last report", len(lines))
	}
}

func TestHalfAReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	const half = `sys.stdout.write('{"type": "info", "info": "Finis'); sys.stdout.flush()` + "\n"
	w.task("ends", half+"note('up')\n", "", nil)
	w.task("goes-on", half+"print()\nsay(type='model', round='1', acc='0.5')\nfinish()\n", "", nil)
	w.start("ends")
	w.start("goes-on")
	if s := w.becomes("ends", "failed"); !strings.Contains(s.Reason, `"Finis`) || !strings.Contains(s.Reason, "without reporting Finished") {
		t.Errorf("the reason %q does not tell what was cut short", s.Reason)
	}
	if s := w.becomes("goes-on", "finished"); s.Round != "1" || s.Acc != "0.5" {
		t.Errorf("the report after half a one was lost: %+v", s)
	}
}
