package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestColumnsAlignWhateverTheyHold(t *testing.T) {
	table := &columns{head: []string{"A", "B", "C"}}
	table.add([]string{"日本語", "e\u0301", "x"})
	table.add([]string{"ab", "\x1b[2J\u202e\x00", "y"})
	got := table.flush()
	// Wide letters take two columns of a terminal, a combining accent none.
	want := "A       B       C\n日本語  e\u0301       x\nab      \ufffd[2J\ufffd\ufffd  y\n"
	if got != want {
		t.Errorf("got\n%s%q\nwant\n%s", got, got, want)
	}
	table.add([]string{"a", "b", "z"}) // later rows keep the widths
	if later := table.flush(); strings.Contains(later, "A") || room(later[:strings.Index(later, "z")]) != room(got[:strings.Index(got, "C")]) {
		t.Errorf("got %q after %q", later, got)
	}
	table.add([]string{strings.Repeat("long", 10), "b", "z"})
	if later := table.flush(); !strings.HasSuffix(later, "  z\n") {
		t.Errorf("got %q", later)
	}
}

func TestListFilters(t *testing.T) {
	f := newFakeCloud(t)
	f.lists(contract.TaskSummary{ID: "a", State: "new"}, contract.TaskSummary{ID: "b", State: "running"}, contract.TaskSummary{ID: "bb", State: "running"})
	r := f.ok("task", "list", "--state", "running", "--search", "b", "--newest", "--limit", "1", "--format", "json")
	var tasks []contract.TaskSummary
	if err := json.Unmarshal([]byte(r.out), &tasks); err != nil || len(tasks) != 1 || tasks[0].ID != "b" {
		t.Errorf("got %s, %v", r.out, err)
	}
	if got := f.called()[0].body; got != `{"after":"","limit":1,"order":"newest","query":"b","state":"running"}` {
		t.Errorf("asked %s", got)
	}
	r = f.ok("task", "list", "--format", "json")
	if err := json.Unmarshal([]byte(r.out), &tasks); err != nil || len(tasks) != 3 || !strings.HasPrefix(r.out, "[\n  {\n    \"ID\": \"a\",\n") {
		t.Errorf("got %s, %v", r.out, err)
	}
}

// What was listed before a failure is shown, and the failure is told.
func TestListThatBreaksOff(t *testing.T) {
	f := newFakeCloud(t)
	f.on(contract.ListTasks.Name, func(body []byte) (int, any) {
		if strings.Contains(string(body), `"after":""`) {
			return 200, contract.TaskList{Tasks: []contract.TaskSummary{{ID: "a"}}, Next: "a"}
		}
		return 500, "the disk is full\x1b[2J"
	})
	r := f.agata("task", "list")
	if strings.Contains(r.err, "\x1b") {
		t.Errorf("a failure steers the terminal: %q", r.err)
	}
	if r.code != exitFailed || !strings.Contains(r.out, "\na") || !strings.Contains(r.err, "the disk is full") {
		t.Errorf("got %+v", r)
	}
}

// A list that is watched is shown again when it has changed, over an absence of
// the gateway.
func TestWatch(t *testing.T) {
	f := newFakeCloud(t)
	var n atomic.Int32
	f.on(contract.ListTasks.Name, func([]byte) (int, any) {
		state := "running"
		switch i := n.Add(1); {
		case i == 3:
			return http.StatusBadGateway, "starting"
		case i > 4:
			state = "finished"
		}
		return 200, contract.TaskList{Tasks: []contract.TaskSummary{{ID: "a", State: state}}}
	})
	ctx, leave := context.WithCancel(t.Context())
	var out, errOut lockedBuffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"task", "list", "--follow", "--every", "100ms", "--set", "server.gateway.url=" + f.gateway.URL}, nil, &out, &errOut)
	}()
	testenv.Eventually(t, 20*time.Second, "the change is shown", func() bool { return strings.Contains(out.String(), "finished") })
	leave()
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if got := strings.Count(out.String(), "ID "); got != 2 || !strings.Contains(errOut.String(), "trying again") {
		t.Errorf("shown %d times: %s%s", got, out.String(), errOut.String())
	}
	f.fails(contract.ListTasks.Name, 500, "no")
	if r := f.agata("task", "list", "--watch"); r.code != exitFailed {
		t.Errorf("got %+v", r)
	}
}

func TestAgo(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for seconds, want := range map[float64]string{
		0: "0 s ago", 59.9: "59 s ago", 60: "1 min ago", 3600: "1 h ago", 47 * 3600: "47 h ago", 48 * 3600: "2 days ago", -5: "0 s ago",
	} {
		if got := ago(1_000_000-seconds, now); got != want {
			t.Errorf("%g: got %s", seconds, got)
		}
	}
	if got := ago(0, now); got != "never" {
		t.Errorf("got %s", got)
	}
}

// completions of a command line, without their descriptions.
func (f *fakeCloud) completions(args ...string) (list []string) {
	f.t.Helper()
	var out bytes.Buffer
	args = append([]string{"__complete", "--set", "server.gateway.url=" + f.gateway.URL}, args...)
	if code := run(f.t.Context(), args, nil, &out, io.Discard); code != exitOK {
		f.t.Errorf("%v: exit code %d", args, code)
	}
	for line := range strings.Lines(out.String()) {
		if id, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(id, ":") {
			list = append(list, id)
		}
	}
	return list
}

func TestCompletion(t *testing.T) {
	f := newFakeCloud(t)
	f.lists(contract.TaskSummary{ID: "digits"}, contract.TaskSummary{ID: "dogs"}, contract.TaskSummary{ID: "no-digits"})
	f.on(contract.ListUsers.Name, func([]byte) (int, any) {
		return 200, contract.UserList{Users: []contract.User{{ID: "car-1"}, {ID: "car-2\x1b"}}}
	})
	f.on(contract.ListTaskFiles.Name, func([]byte) (int, any) {
		return 200, contract.TaskFiles{Files: []contract.TaskFile{{Path: "client.py"}, {Path: "lib/x.py"}}}
	})
	for _, tc := range []struct {
		line, want string
	}{
		{"task show d", "digits dogs"},
		{"task show digits ", ""},
		{"task upload di", "digits"},
		{"task download digits l", "lib/x.py"},
		{"task explain digits --client ", "car-1 car-2\ufffd"},
		{"client show car-1", "car-1"},
		{"client release --client ", "car-1 car-2\ufffd"},
		{"events --task no", "no-digits"},
		{"task list --state ", "new running finished failed stopped"},
		{"task start --wait=", "end client none"},
		{"task list --format ", "table json"},
	} {
		if got := strings.Join(f.completions(strings.Split(tc.line, " ")...), " "); got != tc.want {
			t.Errorf("%s: got %q", tc.line, got)
		}
	}
	f.gateway.Close() // then there is nothing to offer, at once
	if got := f.completions("task", "show", ""); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestConfirmationNeedsAPerson(t *testing.T) {
	f := newFakeCloud(t)
	if r := f.agata("task", "delete", "a"); r.code != exitUsage || len(f.called()) != 0 {
		t.Errorf("got %+v after %v", r, f.called())
	}
	f.ok("task", "delete", "a", "--yes")
	f.ok("task", "delete", "a", "old.py", "lib/x.py", "--yes")
	want := []string{contract.DeleteTask.Name + ` {"task_id":"a"}`, contract.DeleteTaskFile.Name + ` {"path":"old.py","task_id":"a"}`, contract.DeleteTaskFile.Name + ` {"path":"lib/x.py","task_id":"a"}`}
	var got []string
	for _, c := range f.called() {
		got = append(got, fmt.Sprint(c.function, " ", c.body))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
