package cloudtaskmanager

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestKilledServerHasFailedWithinASecond(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "u"})
	c.task("a", "print('so far', file=sys.stderr, flush=True)\n"+forever)
	c.start("a")
	c.output("a", "so far")
	killed := time.Now()
	if err := syscall.Kill(c.summary("a").PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	got := c.becomes("a", stateFailed)
	if took := time.Since(killed); took > time.Second {
		t.Errorf("that it was killed showed after %s", took)
	}
	if got.Reason != "signaled: signal 9 (killed) ended the process; its last words: so far" {
		t.Errorf("reason %q", got.Reason)
	}
	c.wantOffered("u")
	refused(c, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"}, "not_found")
}

func TestEnds(t *testing.T) {
	c := newCloud(t)
	c.manager()
	for _, tc := range []struct {
		id, body string
		state    state
		reason   string
	}{
		{"finished", `report(type="info", info="Finished")` + "\n" + forever, stateFinished, "finished: it reported Finished"},
		{"finished-exit", `report(type="info", info="Finished")`, stateFinished, "finished: it reported Finished"},
		{"error-exit", `report(type="error", exception="bad\nthing"); sys.exit(3)`, stateFailed, "report_error: bad\nthing"},
		{"silent", ``, stateFailed, "exited: the process ended without reporting Finished"},
		{"code", `print("why", file=sys.stderr); sys.exit(3)`, stateFailed, "exit_nonzero: the process ended with exit code 3; its last words: why"},
		{"first-counts", `report(type="error", exception="one"); report(type="info", info="Finished")` + "\n" + forever, stateFailed, "report_error: one"},
		{"half-a-report", `sys.stdout.write('{"type":"info","info":"Finished"'); sys.exit(0)`, stateFailed, `exited: the process ended without reporting Finished; its last words: {"type":"info","info":"Finished"`},
		{"on-stderr", `print('{"type":"info","info":"Finished"}', file=sys.stderr); sys.exit(0)`, stateFailed, "exited: the process ended without reporting Finished"},
		{"report-file", `open(os.environ["AGATA_REPORTS"], "a").write('{"type":"info","info":"Finished"}\n')` + "\n" + forever, stateFinished, "finished: it reported Finished"},
	} {
		t.Run(tc.id, func(t *testing.T) {
			c.task(tc.id, tc.body)
			c.start(tc.id)
			if got := c.becomes(tc.id, tc.state); got.Reason != tc.reason {
				t.Errorf("reason %q, want %q", got.Reason, tc.reason)
			}
			if c.running(tc.id) {
				t.Error("it is still running")
			}
		})
	}
}

func TestStopKillsWhatIgnoresIt(t *testing.T) {
	c := newCloud(t)
	c.manager(func(o *Options) { o.Grace = 200 * time.Millisecond })
	c.task("a", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\n"+forever)
	c.start("a")
	c.output("a", "deaf")
	c.halt("a")
	if got := c.summary("a"); got.State != "stopped" || got.Reason != "operator_stop: it was asked to stop" {
		t.Errorf("after the stop: %+v", got)
	}
}

func TestModelsAreStoredAndTold(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.task("a", `
for i in range(1, 6): report(type="model", round=str(i), acc="0.%d" % i)
report(type="event", time=1700000000.25, service="task_server", function="main", event="Finished server")
print('{"type":"model"}', flush=True)
`+forever)
	c.start("a")
	c.eventually("the last round is stored", func() bool { return c.summary("a").Round == "5" })
	if got := c.summary("a"); got.Acc != "0.5" {
		t.Errorf("acc %q, want 0.5", got.Acc)
	}
	events := c.events(func(all []contract.Event) bool { return all[len(all)-1].Event == "Finished server" })
	if last := events[len(events)-1]; last.Service != "task_server" || last.Function != "main" || last.Time != 1700000000.25 {
		t.Errorf("the task's event came as %+v", last)
	}
	for _, text := range []string{"Round 1 accuracy 0.1", "Round 5 accuracy 0.5"} {
		if !contains(events, "model", text) {
			t.Errorf("no event %q in %+v", text, events)
		}
	}
	// The next execution begins without results, and the last one's stay until then.
	c.halt("a")
	if got := c.summary("a"); got.Round != "5" {
		t.Errorf("after the stop the round is %q", got.Round)
	}
	c.file("a", "server.py", preamble+forever)
	c.start("a")
	if got := c.summary("a"); got.Round != "" || got.Acc != "" || got.Reason != "" {
		t.Errorf("after the next start: %+v", got)
	}
}

func TestTaskSeesItsPlace(t *testing.T) {
	t.Setenv("AGATA_SERVER_BROKER_PASSWORD", "secret")
	t.Setenv("PYTHONPATH", "/mine")
	c := newCloud(t)
	config := t.TempDir()
	m := c.manager(func(o *Options) { o.ConfigDir = config })
	c.create("a", "")
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", ServerArguments: ptr(`--stored yes`)})
	c.file("a", "server.py", `
import json, os, sys
json.dump({"argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ)}, open(sys.argv[-1], "w"))
print('{"type":"info","info":"Finished"}')
`)
	out := filepath.Join(t.TempDir(), "out file")
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	_, err := rpc.Call(rpc.WithTrace(t.Context(), trace), c.caller, contract.StartServerTask,
		contract.StartTaskRequest{TaskID: "a", Arguments: ptr(`--name "two words" $HOME '` + out + `'`)})
	if err != nil {
		t.Fatal(err)
	}
	c.becomes("a", stateFinished)
	var saw struct {
		Argv []string
		Cwd  string
		Env  map[string]string
	}
	data, err := os.ReadFile(out)
	if err == nil {
		err = json.Unmarshal(data, &saw)
	}
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(c.dir, "work")
	want := []string{filepath.Join(work, "tasks/task_a/server.py"), work, "--name", "two words", "$HOME", out}
	if strings.Join(saw.Argv, "|") != strings.Join(want, "|") || saw.Cwd != config {
		t.Errorf("argv %q in %s, want %q in %s", saw.Argv, saw.Cwd, want, config)
	}
	for name, want := range map[string]string{
		"AGATA_TASK_ID": "a", "AGATA_WORK_DIR": work, "AGATA_SIDE": "server", "AGATA_SERVER_ADDRESS": "127.0.0.1:8080",
		"FLWR_TELEMETRY_ENABLED": "0", "PYTHONUNBUFFERED": "1", "PYTHONPATH": "/first:/second:/mine",
		"AGATA_EXECUTION_ID": m.runs.process("a").ID(), "AGATA_SERVER_BROKER_PASSWORD": "", "TRACEPARENT": trace,
	} {
		if saw.Env[name] != want {
			t.Errorf("%s=%q, want %q", name, saw.Env[name], want)
		}
	}
}

func TestExecutableServer(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.create("a", "")
	c.file("a", "server", "#!/bin/sh\necho ran with $2\necho '{\"type\":\"info\",\"info\":\"Finished\"}'\n")
	must(c, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a", Arguments: ptr("this")})
	c.becomes("a", stateFinished)
	if got := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a"}).Lines; strings.Join(got, "|") != "ran with this|info: Finished" {
		t.Errorf("logs %q", got)
	}
}

func TestMissingInterpreter(t *testing.T) {
	c := newCloud(t)
	c.manager(func(o *Options) { o.Python = "no-such-python" })
	c.task("a", forever)
	text := refused(c, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"}, "internal")
	if !strings.Contains(text, "no-such-python") || c.running("a") {
		t.Errorf("got %q, running %v", text, c.running("a"))
	}
}

func TestServerLogs(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.task("a", `
for i in range(5): print("out", i)
for i in range(5): print("err", i, file=sys.stderr)
report(type="print", message="said")
sys.exit(1)
`)
	if got := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a"}).Lines; len(got) != 0 {
		t.Errorf("before the first start: %q", got)
	}
	c.start("a")
	c.becomes("a", stateFailed)
	for lines, want := range map[int]string{
		0: "info: Started|out 0|out 1|out 2|out 3|out 4|said|err 0|err 1|err 2|err 3|err 4",
		4: "out 4|said|err 3|err 4",
		1: "err 4",
	} {
		got := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a", Lines: lines}).Lines
		if strings.Join(got, "|") != want {
			t.Errorf("%d lines: %q, want %q", lines, got, want)
		}
	}
	refused(c, contract.ServerLogs, contract.LogsRequest{TaskID: "b"}, "not_found")
}
