package cloudtaskmanager

import (
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// tagged registers a task with tags.
func (c *cloud) tagged(id string, tags ...string) {
	c.Helper()
	must(c, contract.CreateTask, contract.CreateTaskRequest{TaskID: id, Host: "h", Username: "u", Password: "p", FilesPaths: []string{}, Tags: tags})
}

// list reads all pages of a list, and checks their sizes and totals.
func (c *cloud) list(req contract.ListTasksRequest) (ids []string) {
	c.Helper()
	total := -1
	for {
		page := must(c, contract.ListTasks, req)
		if total >= 0 && page.Total != total {
			c.Errorf("%+v: total %d after %d", req, page.Total, total)
		}
		total = page.Total
		for _, t := range page.Tasks {
			ids = append(ids, t.ID)
		}
		if page.Next == "" {
			break
		}
		if len(page.Tasks) != req.Limit || page.Next == req.After {
			c.Fatalf("%+v: %d tasks and another page, %q", req, len(page.Tasks), page.Next)
		}
		req.After = page.Next
	}
	if total != len(ids) {
		c.Errorf("%+v: total %d, and %d on all pages", req, total, len(ids))
	}
	return ids
}

func TestListFindsAndSorts(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.tagged("c-1", "Vision", "50%")
	c.tagged("a_1")
	c.tagged("B.2", "näh ÄRZTE", "50x")
	c.tagged("d-2", `quote"s`, "a<b", "vis", "ion")
	c.file("c-1", "server.py", preamble+forever)
	c.start("c-1")
	for _, tc := range []struct {
		name                string
		state, query, order string
		want                string
	}{
		{"all by id", "", "", "", "B.2 a_1 c-1 d-2"},
		{"all, named order", "", "", contract.OrderID, "B.2 a_1 c-1 d-2"},
		{"newest", "", "", contract.OrderNewest, "d-2 B.2 a_1 c-1"},
		{"part of the id", "", "-", "", "c-1 d-2"},
		{"any case of the id", "", "b.2", "", "B.2"},
		{"part of a tag", "", "vis", "", "c-1 d-2"},
		{"any case of a tag", "", "VISION", "", "c-1"},
		{"not across tags", "", "50x50", "", ""},
		{"case beyond ASCII", "", "ärzt", "", "B.2"},
		{"percent is a percent", "", "0%", "", "c-1"},
		{"underscore is one", "", "_", "", "a_1"},
		{"quotes", "", `E"S`, "", "d-2"},
		{"what JSON escapes", "", "A<B", "", "d-2"},
		{"a state", "new", "", "", "B.2 a_1 d-2"},
		{"running", "running", "", "", "c-1"},
		{"none of them", "failed", "", "", ""},
		{"state and query", "new", "1", "", "a_1"},
		{"state and order", "new", "", contract.OrderNewest, "d-2 B.2 a_1"},
		{"all three", "new", "2", contract.OrderNewest, "d-2 B.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, limit := range []int{1, 2, 100} {
				req := contract.ListTasksRequest{State: tc.state, Order: tc.order}
				req.Query, req.Limit = tc.query, limit
				if got := strings.Join(c.list(req), " "); got != tc.want {
					t.Errorf("pages of %d: %q, want %q", limit, got, tc.want)
				}
			}
		})
	}
}

func TestListRefusesStrangeCursors(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.tagged("a")
	for _, tc := range []struct{ order, after string }{
		{contract.OrderNewest, "a"}, {contract.OrderID, "~1"}, {"", "~1"}, {contract.OrderNewest, "~"},
		{contract.OrderNewest, "~x"}, {contract.OrderNewest, "~99999999999999999999"},
	} {
		req := contract.ListTasksRequest{Order: tc.order}
		req.After = tc.after
		if text := refused(c, contract.ListTasks, req, rpc.Invalid); !strings.Contains(text, "after") {
			t.Errorf("%+v: %q", tc, text)
		}
	}
}

func TestDescribeAndCount(t *testing.T) {
	c := newCloud(t)
	c.manager()
	refused(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"}, rpc.NotFound)
	if got := must(c, contract.CountTasks, contract.None{}); len(got) != 5 || got["new"] != 0 {
		t.Errorf("counts of nothing: %v", got)
	}
	c.task("a", `
report(type="model", round="1", acc="0.5")
`+forever)
	c.create("b", "")
	if got := must(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"}); got.ExecutionID != "" || got.State != "new" || got.Revision != 1 {
		t.Errorf("a new task: %+v", got)
	}
	c.start("a")
	c.eventually("the round is stored", func() bool { return c.summary("a").Round == "1" })
	got := must(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"})
	if got.State != "running" || !bool(got.Running) || got.PID == 0 || got.ExecutionID == "" || got.Acc != "0.5" || got.Username != "user-a" ||
		!slices.Equal(got.FilesPaths, []string{"client.py"}) || got.Tags == nil {
		t.Errorf("a running task: %+v", got)
	}
	if got := must(c, contract.CountTasks, contract.None{}); got["new"] != 1 || got["running"] != 1 || got["stopped"] != 0 {
		t.Errorf("counts: %v", got)
	}
	c.halt("a")
	after := must(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"})
	if after.State != "stopped" || after.PID != 0 || after.ExecutionID != got.ExecutionID || after.Reason != "operator_stop: it was asked to stop" || after.Revision != 1 {
		t.Errorf("a stopped task: %+v", after)
	}
}

func TestRevisions(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.task("a", forever)
	revision := func() int64 { return must(c, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"}).Revision }
	update := func(host string, revision int64) contract.UpdateTaskRequest {
		return contract.UpdateTaskRequest{TaskID: "a", Host: &host, IfRevision: &revision}
	}
	must(c, contract.UpdateTask, update("one", 1))
	if text := refused(c, contract.UpdateTask, update("two", 1), rpc.Conflict); text != contract.TaskChanged("a") {
		t.Errorf("another revision: %q", text)
	}
	if got := must(c, contract.GetTask, contract.TaskIDRequest{TaskID: "a"}); got.Host != "one" {
		t.Errorf("a refused update has changed the task: %+v", got)
	}
	// The same update again, as by a caller whose connection broke, is done already.
	must(c, contract.UpdateTask, update("one", 1))
	if got := revision(); got != 2 {
		t.Errorf("revision %d after one update, want 2", got)
	}
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Host: ptr("three")})
	c.start("a")
	c.halt("a")
	if got := revision(); got != 3 || c.summary("a").Revision != 3 {
		t.Errorf("revision %d, want 3: starts and stops are none", got)
	}
	refused(c, contract.UpdateTask, update("one", 1), rpc.Conflict)
	refused(c, contract.UpdateTask, update("one", 2), rpc.Conflict) // 3 has another host
	refused(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "b", IfRevision: ptr(int64(1))}, rpc.NotFound)
}
