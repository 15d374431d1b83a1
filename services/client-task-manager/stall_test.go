package clienttaskmanager_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

// stalledEvent waits for an event that begins and ends as told.
func (b *bench) stalledEvent(prefix string) {
	b.t.Helper()
	testenv.Eventually(b.t, patience, "an event tells: "+prefix, func() bool {
		for _, e := range b.events.Events() {
			if e.Function == "watch_task" && strings.HasPrefix(e.Event, prefix) {
				return true
			}
		}
		return false
	})
}

// One that hangs is marked, then stopped, and tried again as something that is
// not its fault.
func TestATaskThatHangsIsStopped(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", "print('half way', flush=True)\n"+forever))
	b.start(func(o *clienttaskmanager.Options) { o.Stall = 2 * time.Second })
	b.stalledEvent("Task a is stalled: no report for ")
	r := b.becomes("a", "failed")
	run := r.Run
	if run.Reason != contract.ReasonStalled || !strings.HasPrefix(run.Detail, "no report for ") || run.Quarantined || value(run.Signal) != 15 ||
		strings.Join(run.LastLines, "") != "half way" || run.StalledSince != 0 {
		t.Errorf("its end: %+v", run)
	}
	marked := false
	for _, o := range b.history(contract.RecordExecution, "a") {
		marked = marked || o.Execution == r.Execution && o.Run.State == contract.StateRunning && o.Run.StalledSince >= o.Run.Started-1
	}
	if !marked {
		t.Error("the history was not told that it is stalled")
	}
	testenv.Eventually(t, patience, "it is tried again", func() bool {
		st := b.status()
		return len(st.Running) == 1 && st.Running[0].ExecutionID != r.Execution
	})
}

// A mark is only a mark: one that goes on is left alone.
func TestATaskThatGoesOnIsHealed(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", "while not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.01)\nsay(type='model', round=1, acc=0.5)\n"+forever))
	b.start(func(o *clienttaskmanager.Options) { o.Stall = 12 * time.Second })
	began := b.becomes("a", "running")
	b.state("it is stalled", func(s contract.ClientState) bool {
		return len(s.Running) == 1 && s.Running[0].StalledSince != 0 && s.Running[0].State == contract.StateRunning
	})
	if err := os.WriteFile(filepath.Join(b.dir, "work", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.state("it makes progress", func(s contract.ClientState) bool { return len(s.Running) == 1 && s.Running[0].StalledSince == 0 })
	b.stalledEvent("Task a makes progress again")
	if st := b.status(); len(st.Running) != 1 || st.Running[0].ExecutionID != began.Execution {
		t.Errorf("it was stopped: %+v", st)
	}
}
