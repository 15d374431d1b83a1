package cloudtaskmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// records takes the history's records off their queue until enough says so.
func (c *cloud) records(enough func([]contract.Record) bool) []contract.Record {
	c.Helper()
	var all []contract.Record
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := c.transport().Subscribe(ctx, contract.RecordsQueue, func(body []byte) error {
		var r contract.Record
		if err := json.Unmarshal(body, &r); err != nil {
			return err
		}
		all = append(all, r)
		if enough(all) {
			cancel()
		}
		return nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		c.Errorf("read the records: %v", err)
	}
	if !enough(all) {
		c.Fatalf("in 10 s not enough records: %+v", all)
	}
	return all
}

// lastRun is the last record of how a task's execution stands; nil if there is none.
func lastRun(all []contract.Record, task string) *contract.Record {
	for _, r := range slices.Backward(all) {
		if r.Kind == contract.RecordExecution && r.Task == task {
			return &r
		}
	}
	return nil
}

// isAt tells that the last record of a task's execution has the state.
func isAt(task string, want state) func([]contract.Record) bool {
	return func(all []contract.Record) bool {
		r := lastRun(all, task)
		return r != nil && r.Run.State == want
	}
}

func TestHistoryOfAnExecution(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.task("a", `
report(type="model", round="1", acc="0.1")
report(type="model", round=2, acc="no number", loss=1.5)
for i in range(70): print("out", i)
print("x" * 5000, file=sys.stderr, flush=True)
sys.exit(3)
`)
	began := time.Now()
	c.start("a")
	c.becomes("a", stateFailed)
	all := c.records(isAt("a", stateFailed))
	execution := must(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"}).ExecutionID

	var rounds []contract.Round
	var runs []contract.Record
	for _, r := range all {
		if r.ID == "" || r.Time < seconds(began)-60 || r.Client != "" {
			t.Errorf("a record lacks something: %+v", r)
		}
		if r.Kind != contract.RecordEvent && r.About != (contract.About{Task: "a", Execution: execution}) {
			t.Errorf("a record is about something else: %+v", r)
		}
		switch r.Kind {
		case contract.RecordRound:
			rounds = append(rounds, *r.Round)
		case contract.RecordExecution:
			runs = append(runs, r)
		case contract.RecordEvent, contract.RecordClient:
		}
	}
	if want := []contract.Round{{Side: "server", Round: "1", Acc: "0.1"}, {Side: "server", Round: "2", Acc: "no number", Loss: "1.5"}}; !slices.Equal(rounds, want) {
		t.Errorf("rounds %+v, want %+v", rounds, want)
	}
	if len(runs) != 2 {
		t.Fatalf("%d records of the execution, want 2: %+v", len(runs), runs)
	}
	first, last := *runs[0].Run, *runs[1].Run
	if first.Side != "server" || first.State != "running" || first.PID == 0 || first.Started < seconds(began) || first.Ended != 0 || first.LastLines != nil {
		t.Errorf("at the start: %+v", first)
	}
	if last.Side != "server" || last.PID != first.PID || last.Started != first.Started || last.Ended < last.Started || last.Reason != "exit_nonzero" ||
		last.ExitCode == nil || *last.ExitCode != 3 || last.Signal != nil || !strings.Contains(last.Detail, "exit code 3") {
		t.Errorf("at the end: %+v", last)
	}
	if n := len(last.LastLines); n != lastLines || last.LastLines[n-2] != "out 69" || len(last.LastLines[n-1]) > lastLineBytes+10 {
		t.Errorf("%d last lines: %.200q", n, last.LastLines)
	}
}

// aboutOf says what the record of an event is about.
func aboutOf(all []contract.Record, function, text string) (contract.About, bool) {
	for _, r := range all {
		if r.Kind == contract.RecordEvent && r.Event.Function == function && r.Event.Event == text {
			return r.About, true
		}
	}
	return contract.About{}, false
}

func TestEventsSayWhatTheyAreAbout(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "u"})
	c.task("a", `
report(type="event", time=1700000000.25, service="task_server", function="main", event="Started server")
report(type="model", round="1", acc="0.1")
`+forever)
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Port: ptr(1)})
	must(c, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
	c.start("a")
	c.eventually("the round is stored", func() bool { return c.summary("a").Round == "1" })
	must(c, contract.ExplainTask, contract.ExplainRequest{TaskID: "a", UserID: "u"})
	execution := must(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"}).ExecutionID
	c.halt("a")
	must(c, contract.DeleteTaskFile, contract.TaskFileRequest{TaskID: "a", Path: "server.py"})
	must(c, contract.DeleteTask, contract.TaskIDRequest{TaskID: "a"})
	all := c.records(func(all []contract.Record) bool {
		_, ok := aboutOf(all, contract.DeleteTask.Name, "Finished deleting task")
		return ok
	})
	task, run := contract.About{Task: "a"}, contract.About{Task: "a", Execution: execution}
	for _, tc := range []struct {
		function, text string
		want           contract.About
	}{
		{"rpc_exec_create_task", "Started task creation", task},
		{"rpc_exec_create_task", "Finished task creation", task},
		{"rpc_exec_update_task", "Started updating task", task},
		{"rpc_exec_update_task", "Finished updating task", task},
		{"rpc_exec_get_task_by_id", "Started querying task info", task},
		{"rpc_exec_get_task_by_id", "Finished querying task info", task},
		{"rpc_exec_start_server_task", "Started server task initialization", task},
		{"rpc_exec_start_server_task", "Finished server task initialization", run},
		{"rpc_call_query_client_info", "Finished querying client info", task},
		{"model", "Round 1 accuracy 0.1", run},
		{"main", "Started server", run},
		{"rpc_exec_stop_server_task", "Started stopping server task", task},
		{"end_server_task", "Server task stopped: operator_stop", run},
		{"rpc_exec_stop_server_task", "Finished stopping server task", run},
		{"rpc_exec_delete_task_file", "Started deleting task file", task},
		{"rpc_exec_delete_task_file", "Finished deleting task file", task},
		{"rpc_exec_delete_task", "Started deleting task", task},
	} {
		if got, ok := aboutOf(all, tc.function, tc.text); !ok || got != tc.want {
			t.Errorf("%s %q is about %+v (told: %v), want %+v", tc.function, tc.text, got, ok, tc.want)
		}
	}
	for _, function := range []string{"create_task_time", "start_task_time"} {
		told := slices.IndexFunc(all, func(r contract.Record) bool {
			return r.Kind == contract.RecordEvent && r.Event.Function == function && r.Task == "a"
		})
		if told < 0 {
			t.Errorf("no event of %s", function)
		}
	}
}

// More rounds come than events may be told, and all of them are told.
func TestRoundsHaveABoundOfTheirOwn(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", `
for i in range(100): report(type="model", round=i, acc=i)
print("told", flush=True)
while not os.path.exists(sys.argv[1] + "/go"): time.sleep(0.01)
for i in range(5000): report(type="model", round=i, acc=i)
report(type="info", info="Finished")
`)
	c.start("a")
	c.output("a", "told")
	if err := os.WriteFile(filepath.Join(c.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	c.becomes("a", stateFinished)
	took := time.Since(began)
	seen := map[string]bool{}
	all := c.records(isAt("a", stateFinished))
	for _, r := range all {
		if r.Kind == contract.RecordRound {
			seen[r.ID] = true
		}
	}
	// At most what is let through at once and what time has brought since the start.
	if most := roundsAtOnce + int((took.Seconds()+10)*roundsPerSecond); len(seen) < roundsAtOnce || len(seen) > most {
		t.Errorf("%d rounds are told, want %d to %d", len(seen), roundsAtOnce, most)
	}
	if !strings.Contains(m.log.String(), "more rounds than the history takes") {
		t.Error("that rounds are dropped is not in the log")
	}
}

func TestHistoryOverRestarts(t *testing.T) {
	c := newCloud(t)
	first := c.manager(keepTasks)
	wait := "\nwhile not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.01)\n"
	c.task("goes-on", "report(type='model', round=1, acc=1)\n"+forever)
	c.task("ends", wait+`print("bye", flush=True); report(type="model", round=2, acc=2); sys.exit(4)`)
	c.task("killed", "print('here', flush=True)\n"+forever)
	c.task("gone", forever)
	c.task("before", `report(type="info", info="Finished")`)
	folders, pids, ids := map[string]string{}, map[string]int{}, map[string]string{}
	for _, id := range []string{"before", "goes-on", "ends", "killed", "gone"} {
		c.start(id)
		p := first.runs.process(id)
		folders[id], pids[id], ids[id] = p.Folder(), p.PID(), p.ID()
	}
	c.becomes("before", stateFinished)
	c.eventually("the round is stored", func() bool { return c.summary("goes-on").Round == "1" })
	c.output("killed", "here")
	first.stop()
	c.records(func(all []contract.Record) bool { // forget what was told
		_, ok := aboutOf(all, "main", "Interrupted")
		return ok
	})
	if err := os.WriteFile(filepath.Join(c.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"killed", "gone"} {
		if err := syscall.Kill(pids[id], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"ends", "killed", "gone"} {
		c.eventually(id+" ends unseen", func() bool {
			_, err := os.Stat(filepath.Join(folders[id], "exit.json"))
			return err == nil
		})
	}
	if err := os.RemoveAll(folders["gone"]); err != nil {
		t.Fatal(err)
	}

	c.manager()
	want := map[string]string{
		"goes-on": "running ", "ends": "failed exit_nonzero", "killed": "failed signaled", "gone": "failed lost",
		"before": "finished finished", // it was told, and is told again, lest it was not
	}
	all := c.records(func(all []contract.Record) bool {
		for id := range want {
			// One that was just ending when it was adopted may have run for a moment.
			if r := lastRun(all, id); r == nil || r.Run.State == "running" && id != "goes-on" {
				return false
			}
		}
		return slices.ContainsFunc(all, func(r contract.Record) bool { return r.Kind == contract.RecordRound && r.Task == "ends" })
	})
	for id, want := range want {
		r := lastRun(all, id)
		if got := fmt.Sprintf("%s %s", r.Run.State, r.Run.Reason); got != want || r.Execution != ids[id] || r.Run.PID != pids[id] || r.Run.Started == 0 {
			t.Errorf("%s: %q, %+v, want %q", id, got, r, want)
		}
		if (r.Run.Ended == 0) != (id == "goes-on") {
			t.Errorf("%s ended at %f", id, r.Run.Ended)
		}
	}
	if r := lastRun(all, "ends"); !slices.Contains(r.Run.LastLines, "bye") || *r.Run.ExitCode != 4 {
		t.Errorf("what ended unseen: %+v", r.Run)
	}
	if r := lastRun(all, "killed"); r.Run.Signal == nil || *r.Run.Signal != 9 || !slices.Contains(r.Run.LastLines, "here") {
		t.Errorf("what was killed unseen: %+v", r.Run)
	}
}

// A stop that takes its time loses none of what a task reports meanwhile.
func TestRoundsDuringASlowStop(t *testing.T) {
	c := newCloud(t)
	first := c.manager(keepTasks)
	c.task("a", `
n = 0
while not os.path.exists(sys.argv[1] + "/enough"):
    n += 1
    report(type="model", round=n, acc=1)
    time.sleep(0.02)
with open(sys.argv[1] + "/all", "w") as f: f.write(str(n))
`+forever)
	c.start("a")
	c.eventually("a round is stored", func() bool { return c.summary("a").Round != "" })
	// An upload that does not move holds up the end of the file server.
	conn, err := net.Dial("tcp", first.FilesAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /upload_files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // its request is being read
	timer := time.AfterFunc(time.Second, func() { conn.Close() })
	defer timer.Stop()
	began := time.Now()
	first.stop()
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Fatalf("the stop was not slow: %s", took)
	}
	c.manager()
	if err := os.WriteFile(filepath.Join(c.dir, "work", "enough"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all := 0
	c.eventually("the task tells how much it reported", func() bool {
		b, err := os.ReadFile(filepath.Join(c.dir, "work", "all"))
		if err == nil {
			all, err = strconv.Atoi(string(b))
		}
		return err == nil
	})
	told := map[string]bool{}
	c.records(func(records []contract.Record) bool {
		for _, r := range records {
			if r.Kind == contract.RecordRound {
				told[r.Round.Round] = true
			}
		}
		return len(told) == all
	})
}

// A service that was killed before a line was committed reads it again.
func TestARoundThatIsReadTwiceIsKnown(t *testing.T) {
	c := newCloud(t)
	first := c.manager(keepTasks)
	c.task("a", `report(type="model", round=1, acc=1)`+"\n"+forever)
	c.start("a")
	c.eventually("the round is stored", func() bool { return c.summary("a").Round == "1" })
	cursor := filepath.Join(first.runs.process("a").Folder(), "cursor")
	first.stop()
	if err := os.Remove(cursor); err != nil {
		t.Fatal(err)
	}
	c.manager()
	var ids []string
	c.records(func(all []contract.Record) bool {
		ids = nil
		for _, r := range all {
			if r.Kind == contract.RecordRound {
				ids = append(ids, r.ID)
			}
		}
		return len(ids) == 2
	})
	if ids[0] != ids[1] {
		t.Errorf("the same round came as %v", ids)
	}
}

// A start that comes to no process is told, and leaves the task as it was.
func TestARefusedStartIsTold(t *testing.T) {
	c := newCloud(t)
	c.manager(func(o *Options) { o.Python = filepath.Join(c.dir, "no-python") })
	c.task("a", "")
	if _, err := c.call(contract.StartServerTask.Name, `{"task_id": "a"}`); err == nil {
		t.Fatal("it started")
	}
	all := c.records(isAt("a", stateFailed))
	r := lastRun(all, "a")
	if r.Run.Reason != contract.ReasonStartFailed || !strings.Contains(r.Run.Detail, "no-python") || r.Run.PID != 0 || r.Execution == "" || r.Run.Ended < r.Run.Started {
		t.Errorf("%+v, %+v", r, r.Run)
	}
	if got := c.summary("a").State; got != string(stateNew) {
		t.Errorf("its state is %s", got)
	}
}
