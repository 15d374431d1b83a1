package clienttaskmanager_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

// take keeps what comes on the queue of records.
func (b *bench) take(bodies [][]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, body := range bodies {
		var r contract.Record
		if err := json.Unmarshal(body, &r); err != nil {
			b.t.Errorf("%s: %v", body, err)
		}
		if r.ID == "" || r.Time == 0 || r.Client != "ada" {
			b.t.Errorf("a record lacks something: %s", body)
		}
		b.records = append(b.records, r)
	}
	return nil
}

// history is the records of a kind so far, each id once, of a task if one is named.
func (b *bench) history(kind contract.RecordKind, task string) (list []contract.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.records {
		if r.Kind == kind && (task == "" || r.Task == task) && !slices.ContainsFunc(list, func(o contract.Record) bool { return o.ID == r.ID }) {
			list = append(list, r)
		}
	}
	return list
}

// becomes waits until an execution of a task is told to be in a state.
func (b *bench) becomes(task, state string) (r contract.Record) {
	b.t.Helper()
	testenv.Eventually(b.t, patience, "task "+task+" is told to be "+state, func() bool {
		for _, r = range b.history(contract.RecordExecution, task) {
			if string(r.Run.State) == state {
				return true
			}
		}
		return false
	})
	return r
}

// state waits until the newest state that was told is as ok wants it.
func (b *bench) state(what string, ok func(contract.ClientState) bool) {
	b.t.Helper()
	testenv.Eventually(b.t, patience, "the client's state is told: "+what, func() bool {
		all := b.history(contract.RecordClient, "")
		return len(all) > 0 && ok(*all[len(all)-1].State)
	})
}

const reports = `
say(type="model", round="1", acc="0.5", loss="1.25")
say(type="model", round=2, acc=0.75)
print("an ordinary line", flush=True)
print("a word of complaint", file=sys.stderr, flush=True)
open(os.path.join(sys.argv[1], "trace"), "w").write(os.environ.get("TRACEPARENT", ""))
`

func TestAnExecutionIsTold(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", reports+finishes))
	b.start(nil)
	end := b.becomes("a", "finished")
	all := b.history(contract.RecordExecution, "a")
	if len(all) != 2 || all[0].Run.State != "running" {
		t.Fatalf("%d states were told: %+v", len(all), all)
	}
	began := all[0]
	if began.Execution == "" || began.Run.Side != contract.SideClient || began.Run.PID < 2 || began.Run.Ended != 0 || began.Time != began.Run.Started {
		t.Errorf("its start: %+v, %+v", began, began.Run)
	}
	run := end.Run
	if end.Execution != began.Execution || run.PID != began.Run.PID || run.Started != began.Run.Started || run.Ended < run.Started || end.Time != run.Ended ||
		run.Reason != "finished" || run.Quarantined {
		t.Errorf("its end: %+v, %+v", end, run)
	}
	if want := []string{"an ordinary line", "a word of complaint"}; !slices.Equal(run.LastLines, want) {
		t.Errorf("its last lines are %q", run.LastLines)
	}
	rounds := b.history(contract.RecordRound, "a")
	if len(rounds) != 2 || *rounds[0].Round != (contract.Round{Side: "client", Round: "1", Acc: "0.5", Loss: "1.25"}) ||
		*rounds[1].Round != (contract.Round{Side: "client", Round: "2", Acc: "0.75"}) || rounds[0].Execution != began.Execution {
		t.Errorf("its rounds: %+v", rounds)
	}
	b.state("nothing runs", func(s contract.ClientState) bool { return len(s.Running) == 0 })
	var ran bool
	for _, r := range b.history(contract.RecordClient, "") {
		s := r.State
		if s.UserID != "ada" || s.Policy != "one" {
			t.Errorf("a state: %+v", s)
		}
		ran = ran || len(s.Running) == 1 && s.Running[0].ExecutionID == began.Execution
	}
	if !ran {
		t.Error("no state tells that it ran")
	}
}

// The request for tasks, the download, the start and what the task then does are
// one trace; the next request begins another.
func TestACycleIsOneTrace(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", reports+forever))
	b.start(nil)
	b.becomes("a", "running")
	testenv.Eventually(t, patience, "its rounds are told, and there was another request", func() bool {
		return len(b.history(contract.RecordRound, "a")) == 2 && b.count("Finished requesting task") >= 2
	})
	events := b.history(contract.RecordEvent, "")
	traces := map[string][]string{} // by text, in order
	for _, r := range events {
		traces[r.Event.Event] = append(traces[r.Event.Event], r.Trace)
	}
	trace := traces["Started downloading task"][0]
	if len(trace) != 32 || !slices.Contains(traces["Started requesting task"], trace) {
		t.Fatalf("the download's trace is %q, the requests' %q", trace, traces["Started requesting task"])
	}
	for _, text := range []string{"Finished requesting task", "Finished downloading task", "Started client task initialization", "Finish client task initialization", "Started client"} {
		if !slices.Contains(traces[text], trace) {
			t.Errorf("%q has the traces %q, not %q", text, traces[text], trace)
		}
	}
	for _, r := range slices.Concat(b.history(contract.RecordExecution, "a"), b.history(contract.RecordRound, "a")) {
		if r.Trace != trace {
			t.Errorf("a record has the trace %q: %+v", r.Trace, r)
		}
	}
	requests := traces["Started requesting task"]
	if slices.Sort(requests); len(slices.Compact(requests)) < 2 {
		t.Error("two requests have one trace")
	}
	for _, r := range events {
		if strings.Contains(r.Event.Event, "download") && r.Task != "a" || strings.Contains(r.Event.Event, "initialization") && (r.Task != "a" || r.Execution == "") {
			t.Errorf("an event does not say what it is about: %+v, %+v", r.About, r.Event)
		}
	}
	seen, err := os.ReadFile(filepath.Join(b.dir, "work", "trace"))
	if err != nil || !strings.Contains(string(seen), trace) {
		t.Errorf("the task's own TRACEPARENT is %q, %v", seen, err)
	}
}

func TestAFailureIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		body, reason, detail string
		quarantined          bool
		code, signal         int // -1: none
	}{
		"report":   {"print('out of data')\n" + fails, "report_error", "no data", true, -1, 15},
		"exit":     {"sys.exit('out of data')", "exit_nonzero", "code 1", true, 1, -1},
		"signal":   {"print('out of data', flush=True)\nos.kill(os.getpid(), 9)", "signaled", "signal 9", true, -1, 9},
		"tempfail": {"print('out of data')\nsys.exit(75)", "server_unreachable", "75", false, 75, -1},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.offer(b.task("f", tc.body))
			b.start(func(o *clienttaskmanager.Options) { o.RestartAttempts = 100 })
			run := b.becomes("f", "failed").Run
			if string(run.Reason) != tc.reason || !strings.Contains(run.Detail, tc.detail) || run.Quarantined != tc.quarantined ||
				!slices.Contains(run.LastLines, "out of data") {
				t.Errorf("its end: %+v", run)
			}
			if code := value(run.ExitCode); code != tc.code {
				t.Errorf("its exit code is %d", code)
			}
			if signal := value(run.Signal); signal != tc.signal {
				t.Errorf("its signal is %d", signal)
			}
			if !tc.quarantined {
				return
			}
			b.state("it is in quarantine", func(s contract.ClientState) bool {
				return len(s.Quarantined) == 1 && s.Quarantined[0].TaskID == "f" && string(s.Quarantined[0].Reason) == tc.reason
			})
			b.offer()
			if _, err := rpc.Call(t.Context(), b.transport, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "f"}); err != nil {
				t.Fatal(err)
			}
			b.state("it is released", func(s contract.ClientState) bool { return len(s.Quarantined) == 0 })
		})
	}
}

func value(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

func TestAStopIsTold(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", forever))
	stop := b.start(nil)
	b.becomes("a", "running")
	b.offer()
	if run := b.becomes("a", "stopped").Run; run.Reason != "withdrawn" || run.Detail != "the cloud offers the task no more" || run.Quarantined {
		t.Errorf("the task that is offered no more: %+v", run)
	}
	b.offer(b.task("b", forever))
	b.becomes("b", "running")
	stop()
	if run := b.becomes("b", "stopped").Run; run.Reason != "service_stopped" || run.Detail != "the client's task manager stopped" {
		t.Errorf("the task whose manager stopped: %+v", run)
	}
	b.state("nothing runs", func(s contract.ClientState) bool { return len(s.Running) == 0 })
}

// A manager that leaves a task running tells no end; the next one goes on with it.
func TestATakenOverExecutionIsTold(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", "say(type='model', round=1, acc=0.5)\nwhile not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.01)\nsay(type='model', round=2, acc=0.5)\nsys.exit(3)"))
	stop := b.start(func(o *clienttaskmanager.Options) { o.KeepTasks = true })
	began := b.becomes("a", "running")
	testenv.Eventually(t, patience, "its first round is told", func() bool { return len(b.history(contract.RecordRound, "a")) == 1 })
	stop()
	if all := b.history(contract.RecordExecution, "a"); len(all) != 1 {
		t.Errorf("an end was told of a task that runs on: %+v", all)
	}
	b.state("it runs on", func(s contract.ClientState) bool { return len(s.Running) == 1 })
	if err := os.WriteFile(filepath.Join(b.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, patience, "it has ended", func() bool { return syscall.Kill(began.Run.PID, 0) != nil })
	stop = b.start(func(o *clienttaskmanager.Options) { o.Interval = time.Minute })
	end := b.becomes("a", "failed")
	if end.Execution != began.Execution || value(end.Run.ExitCode) != 3 || end.Run.Reason != "exit_nonzero" || !end.Run.Quarantined || end.Trace != began.Trace {
		t.Errorf("its end: %+v, %+v", end, end.Run)
	}
	if all := b.history(contract.RecordExecution, "a"); len(all) != 2 {
		t.Errorf("it was told %d times: %+v", len(all), all)
	}
	if rounds := b.history(contract.RecordRound, "a"); len(rounds) != 2 || rounds[1].Round.Round != "2" {
		t.Errorf("its rounds: %+v", rounds)
	}
	// A manager that starts tells the end once more, lest it was lost: the same record.
	stop()
	b.start(nil)
	testenv.Eventually(t, patience, "its end is told again", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		n := 0
		for _, r := range b.records {
			if r.ID == end.ID {
				n++
				if r.Time != end.Time || r.Run.Detail != end.Run.Detail || !r.Run.Quarantined {
					t.Errorf("told again: %+v, %+v", r, r.Run)
				}
			}
		}
		return n == 2
	})
}

// A task that reports without end does not fill the history.
func TestRoundsAreBounded(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", fmt.Sprintf("for i in range(5000): say(type='model', round=i, acc='%s')\n", strings.Repeat("x", 5000))+finishes))
	b.start(nil)
	b.becomes("a", "finished")
	rounds := b.history(contract.RecordRound, "a")
	if n := len(rounds); n < 100 || n > 4000 {
		t.Errorf("of 5000 rounds %d were told", n)
	}
	if n := len(rounds[0].Round.Acc); n > 4<<10 {
		t.Errorf("an accuracy of %d bytes was told", n)
	}
}
