package cloudtaskmanager

import (
	"slices"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestExplain(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "u", DataQnt: ptr(int64(20)), Sensors: []string{"ecu"}})
	const selection = `(data_qnt > 50 or missing) and "ecu" in sensors`
	c.create("a", selection)
	c.create("all", "")
	c.file("all", "server.py", preamble+forever)

	why := func(task, user string) (bool, []string) {
		t.Helper()
		got := must(c, contract.ExplainTask, contract.ExplainRequest{TaskID: task, UserID: user})
		lines := []string{}
		for _, clause := range got.Clauses {
			if clause.Text == "the task is registered" || clause.Text == "the client is registered" {
				clause.Detail = "" // a date
			}
			lines = append(lines, clause.Outcome+": "+clause.Text+" # "+clause.Detail)
		}
		return got.Offered, lines
	}
	want := func(task, user string, offered bool, lines ...string) {
		t.Helper()
		if ok, got := why(task, user); ok != offered || !slices.Equal(got, lines) {
			t.Errorf("%s for %s: offered %v\n%q\nwant %v\n%q", task, user, ok, got, offered, lines)
		}
	}
	want("none", "u", false, "false: the task is registered # ")
	want("a", "nobody", false, "true: the task is registered # ", "false: the task is running # its state is new", "false: the client is registered # ")
	want("a", "u", false,
		"true: the task is registered # ",
		"false: the task is running # its state is new",
		"true: the client is registered # ",
		"error: "+selection+" # the client has no missing; this keeps the client out",
		"false: data_qnt > 50 # data_qnt = 20",
		"error: missing # no missing; the client has no missing; this keeps the client out",
		`true: "ecu" in sensors # sensors = ['ecu']; not looked at: the clauses before it decide`,
	)
	c.start("all")
	want("all", "u", true,
		"true: the task is registered # ",
		"true: the task is running # its state is running",
		"true: the client is registered # ",
		"true: the task is for everyone # ",
	)
	c.halt("all")
	if ok, got := why("all", "u"); ok || got[1] != "false: the task is running # its state is stopped (operator_stop: it was asked to stop)" {
		t.Errorf("after the stop: %v, %q", ok, got)
	}
}
