package cloudtaskmanager

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestShare(t *testing.T) {
	for _, tc := range []struct {
		n        int
		of, want []int
	}{
		{10, []int{2, 3, 4}, []int{2, 3, 4}},
		{9, []int{10, 10, 10}, []int{3, 3, 3}},
		{10, []int{1, 100, 100}, []int{1, 4, 5}},
		{10, []int{100, 0, 0}, []int{10, 0, 0}},
		{1, []int{1, 1, 1}, []int{0, 0, 1}},
		{0, []int{1, 1, 1}, []int{0, 0, 0}},
	} {
		if got := share(tc.n, tc.of...); !slices.Equal(got, tc.want) {
			t.Errorf("%d lines of %v: %v, want %v", tc.n, tc.of, got, tc.want)
		}
	}
}

// followLogs reads a task's output from a place on until it holds the text.
func (c *cloud) followLogs(id, after, text string, lines int) (all []string, next string) {
	c.Helper()
	c.eventually("task "+id+" writes "+text, func() bool {
		got := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: id, Lines: lines, After: after})
		if lines > 0 && len(got.Lines) > lines+1 {
			c.Errorf("%d lines where %d were asked for", len(got.Lines), lines)
		}
		all, after = append(all, got.Lines...), got.Next
		return slices.Contains(all, text)
	})
	return all, after
}

func TestServerLogsGoOn(t *testing.T) {
	c := newCloud(t)
	m := c.manager(keepTasks)
	c.task("a", `
for i in range(250): print("out", i)
print("waiting", flush=True)
while not os.path.exists(sys.argv[1] + "/go"): time.sleep(0.01)
report(type="model", round="3", acc="0.9", loss="0.25")
print("late", file=sys.stderr, flush=True)
print("done", flush=True)
`+forever)
	before := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a"})
	if len(before.Lines) != 0 || before.Next == "" {
		t.Errorf("before the first start: %+v", before)
	}
	c.start("a")
	// Who was there before gets it all, in small portions, and no word of a restart.
	all, next := c.followLogs("a", before.Next, "waiting", 7)
	if len(all) != 252 || all[0] != "info: Started" || all[250] != "out 249" {
		t.Errorf("%d lines: %.100q", len(all), all)
	}
	// Who comes late gets the last, and goes on from there.
	if got := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a", Lines: 3}); !slices.Equal(got.Lines, []string{"out 248", "out 249", "waiting"}) || got.Next != next {
		t.Errorf("the tail: %+v, want it up to %q", got, next)
	}
	if got := must(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a", After: next}); len(got.Lines) != 0 || got.Next != next {
		t.Errorf("nothing new: %+v", got)
	}
	m.stop()
	m = c.manager()
	if err := os.WriteFile(filepath.Join(c.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, next = c.followLogs("a", next, "done", 0)
	slices.Sort(all)
	if !slices.Equal(all, []string{"done", "late", "round 3: accuracy 0.9, loss 0.25"}) {
		t.Errorf("after a restart of the service: %q", all)
	}
	c.halt("a")
	c.file("a", "server.py", preamble+"print('anew', flush=True)\n"+forever)
	c.start("a")
	all, _ = c.followLogs("a", next, "anew", 0)
	if !slices.Equal(all, []string{"[the task was started again]", "info: Started", "anew"}) {
		t.Errorf("after another start of the task: %q", all)
	}
	execution := m.runs.process("a").ID()
	for _, after := range []string{"x", "1.2.3", execution, execution + ".0.0", execution + ".0.0.-1", execution + ".0.0.0.0", execution + ".0.0.99999", "../x.0.0.0"} {
		if text := refused(c, contract.ServerLogs, contract.LogsRequest{TaskID: "a", After: after}, rpc.Invalid); !strings.Contains(text, "after") {
			t.Errorf("%q: %q", after, text)
		}
	}
}
