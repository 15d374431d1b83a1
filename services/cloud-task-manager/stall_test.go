package cloudtaskmanager

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// A server that makes no progress is marked, and not stopped.
func TestAStalledServerIsMarked(t *testing.T) {
	c := newCloud(t)
	c.manager(func(o *Options) { o.Stall = 2 * time.Second })
	c.task("a", `
while not os.path.exists(sys.argv[1] + "/go"): time.sleep(0.01)
report(type="model", round=1, acc=0.5)
`+forever)
	c.start("a")
	c.user(contract.User{ID: "u"})
	describe := func() (d contract.TaskDetail) {
		out, err := c.call(contract.DescribeTask.Name, `{"task_id": "a"}`)
		if err == nil {
			err = json.Unmarshal(out, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	c.eventually("it is marked", func() bool { return describe().StalledSince != 0 })
	all := c.records(func(all []contract.Record) bool { r := lastRun(all, "a"); return r != nil && r.Run.StalledSince != 0 })
	if r := lastRun(all, "a"); r.Run.State != contract.StateRunning || r.Run.Ended != 0 {
		t.Errorf("the history was told %+v", r.Run)
	}
	out, err := c.call(contract.ExplainTask.Name, `{"task_id": "a", "user_id": "u"}`)
	if err != nil || !strings.Contains(string(out), "its state is running, stalled since ") {
		t.Errorf("explained: %s, %v", out, err)
	}
	time.Sleep(3 * time.Second) // longer than it takes to be stopped
	if !c.running("a") {
		t.Fatal("it was stopped")
	}
	if err := os.WriteFile(filepath.Join(c.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.events(func(all []contract.Event) bool {
		for _, e := range all {
			if e.Event == "Server task makes progress again" {
				return true
			}
		}
		return false
	})
}
