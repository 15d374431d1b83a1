package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestStateIsFoundAmongIDsThatAreAlike(t *testing.T) {
	ids := []string{"0", "A", "Z", "a", "a-", "a-a", "a.", "a.b", "a0", "aA", "a_", "aa", "aaa", "aab", "ab", "ab.z", "b", "z", "zz.9_-"}
	var all []contract.TaskSummary
	for _, id := range ids {
		all = append(all, contract.TaskSummary{ID: id, State: "state of " + id})
	}
	f := newFakeCloud(t)
	f.lists(all...)
	for _, id := range ids {
		if r := f.agata("task", "wait", id); r.code != exitFailed || !strings.Contains(r.err, "task "+id+" has") {
			t.Errorf("%s: %+v", id, r)
		}
	}
	for _, id := range []string{"", "a1", "1", "aac", "zzz", "zz.9_", "-"} {
		if r := f.agata("task", "wait", id); r.code != exitFailed || !strings.Contains(r.err, contract.TaskNotRegistered(id)) {
			t.Errorf("%q is not there: %+v", id, r)
		}
	}
}

func TestWait(t *testing.T) {
	for _, tc := range []struct {
		task contract.TaskSummary
		code int
		text string
	}{
		{contract.TaskSummary{State: "finished", Reason: "finished"}, exitOK, ""},
		{contract.TaskSummary{State: "failed", Reason: "report_error: no\ndata"}, exitFailed, "task a has failed: report_error: no data"},
		{contract.TaskSummary{State: "stopped"}, exitFailed, "task a has been stopped\n"},
		{contract.TaskSummary{State: "new"}, exitFailed, "agata task start a"},
		{contract.TaskSummary{State: "running", Round: "3", Acc: "0.9"}, exitTimeout, "round 3: accuracy 0.9"},
	} {
		f := newFakeCloud(t)
		tc.task.ID = "a"
		f.lists(tc.task)
		r := f.agata("task", "wait", "a", "--timeout", "200ms")
		if r.code != tc.code || !strings.Contains(r.err, tc.text) || tc.code == exitOK && r.err != "" {
			t.Errorf("%s: got %+v", tc.task.State, r)
		}
	}
}

// A gateway that is away for a moment does not end the wait; one that refuses does.
func TestWaitOutlivesTheGatewaysAbsence(t *testing.T) {
	f := newFakeCloud(t)
	var n atomic.Int32
	f.on(contract.DescribeTask.Name, func([]byte) (int, any) {
		switch n.Add(1) {
		case 1:
			return http.StatusBadGateway, "starting"
		case 2:
			return http.StatusOK, described(contract.TaskSummary{ID: "a", State: "running"})
		}
		return http.StatusOK, described(contract.TaskSummary{ID: "a", State: "finished"})
	})
	f.ok("task", "wait", "a")
	f.fails(contract.DescribeTask.Name, 500, "the disk is full")
	if r := f.agata("task", "wait", "a"); r.code != exitFailed || !strings.Contains(r.err, "the disk is full") {
		t.Errorf("got %+v", r)
	}
}

func TestStartSendsArgumentsOnlyIfGiven(t *testing.T) {
	f := newFakeCloud(t)
	f.lists(contract.TaskSummary{ID: "a", State: "finished"})
	f.ok("task", "start", "a")
	f.ok("task", "start", "a", "--args", "", "--wait=true")
	f.ok("task", "stop", "a")
	var got []string
	for _, c := range f.called() {
		if c.function != contract.DescribeTask.Name {
			got = append(got, c.body)
		}
	}
	if want := `{"task_id":"a"} {"arguments":"","task_id":"a"} {"task_id":"a"}`; strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
}

func TestAdvice(t *testing.T) {
	for text, want := range map[string]string{
		contract.TaskNotRegistered("a"):       "agata task list",
		contract.UserNotRegistered("a"):       "agata client list",
		contract.DirectoryMissing("/x"):       "agata task upload a",
		contract.TaskNotRegistered("another"): contract.TaskNotRegistered("another"),
	} {
		if got := advise(fmt.Errorf("%s", text), "a").Error(); !strings.HasPrefix(got, text) || !strings.Contains(got, want) {
			t.Errorf("%s: got %s", text, got)
		}
	}
	if advise(nil, "a") != nil || inConflict(nil, "x") != nil {
		t.Error("advice without an error")
	}
	f := newFakeCloud(t)
	for _, tc := range []struct {
		fn, text string
		args     []string
		want     string
	}{
		{contract.StartServerTask.Name, contract.TaskAlreadyRunning("a"), []string{"task", "start", "a"}, "agata task stop a"},
		{contract.StopServerTask.Name, "The task a is not running already.", []string{"task", "stop", "a"}, "the task a is not running already; agata task show a"},
		{contract.CreateTask.Name, contract.TaskIDTaken, []string{"task", "create", "a", "--file", "client.py"}, "agata task update a"},
		{contract.DeleteTask.Name, "is running already", []string{"task", "delete", "a", "--yes"}, "agata task stop a"},
		{contract.UpdateTask.Name, "changed already", []string{"task", "update", "a", "--port", "1", "--if-unchanged", "3"}, "agata task show a"},
	} {
		f.fails(tc.fn, http.StatusConflict, tc.text)
		if r := f.agata(tc.args...); r.code != exitFailed || !strings.Contains(r.err, tc.want) {
			t.Errorf("%v: got %+v", tc.args, r)
		}
	}
}

func TestListPagesThrough(t *testing.T) {
	f := newFakeCloud(t)
	var all []contract.TaskSummary
	for i := range 1001 {
		all = append(all, contract.TaskSummary{ID: fmt.Sprintf("t%04d", i), State: "new", Tags: []string{"a", "b"}, Reason: strings.Repeat("long\t", 40)})
	}
	f.lists(all...)
	r := f.ok("task", "list")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != len(all)+1 || !strings.HasPrefix(lines[len(all)], "t1000  new") || !strings.HasSuffix(lines[1], "...  a,b") {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	if got := len(f.called()); got != 3 {
		t.Errorf("%d calls", got)
	}
	f.lists()
	if r := f.ok("task", "list", "--format", "json"); r.out != "[]\n" {
		t.Errorf("no tasks: %q", r.out)
	}
}

func TestShow(t *testing.T) {
	f := newFakeCloud(t)
	f.on(contract.DescribeTask.Name, func([]byte) (int, any) {
		return 200, map[string]any{"ID": "a", "creation_date": "2026-01-02 03:04:05", "last_mod_date": "2026-01-02 03:04:05", "host": "h", "port": 1, "running": true,
			"files_paths": []string{"client.py"}, "state": "running", "pid": 12, "round": "2", "acc": "\x1b[31m0.5", "revision": 3, "password_set": true, "later": "x"}
	})
	var running []string
	for i := range clientsNamed + 1 {
		running = append(running, fmt.Sprintf(`{"id":"e%d","task":"a","client":"car-%d","side":"client","state":"running"}`, i, i))
	}
	f.route("GET /api/v1/executions", func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.RawQuery; got != "limit=11&side=client&state=running&task=a" {
			t.Errorf("asked %s", got)
		}
		_, _ = io.WriteString(w, `{"executions":[`+strings.Join(running, ",")+`]}`)
	})
	r := f.ok("task", "show", "a")
	for _, want := range []string{"running (process 12)", "(every client)", "password          ***\n", "revision          3\n", "car-0, car-1, ", "car-9, and more\n", "\ufffd[31m0.5"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in %s", want, r.out)
		}
	}
	r = f.ok("task", "show", "a", "--format", "json")
	if !strings.Contains(r.out, `"state": "running"`) || !strings.Contains(r.out, `"later": "x"`) {
		t.Errorf("got %s", r.out)
	}
}
