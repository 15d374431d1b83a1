package e2e

import (
	"sync"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Of many who ask for the same at once, one gets it, and the others the wire's
// word for it.
func TestSameTaskAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.upload("a", "server.py", prelude+"note('up')\n"+forever)
	id := contract.TaskIDRequest{TaskID: "a"}
	for _, step := range []struct {
		what string
		call func() error
		text string // of all but one
	}{
		{"create", func() error {
			_, err := call(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: "a", FilesPaths: []string{}})
			return err
		}, contract.TaskIDTaken},
		{"start", func() error {
			_, err := call(t, w.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"})
			return err
		}, contract.TaskAlreadyRunning("a")},
		{"stop", func() error { _, err := call(t, w.operator, contract.StopServerTask, id); return err }, contract.TaskNotFound("a")},
	} {
		if step.what == "stop" {
			w.noted("cloud", "up")
		}
		const many = 10
		errs := make([]error, many)
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { errs[i] = step.call() })
		}
		wg.Wait()
		good := 0
		for _, err := range errs {
			switch {
			case err == nil:
				good++
			case err.Error() != step.text:
				t.Errorf("%s: %v (%s), want %q", step.what, err, rpc.CodeOf(err), step.text)
			}
		}
		if good != 1 {
			t.Errorf("%s succeeded for %d of %d", step.what, good, many)
		}
	}
	if n := len(w.notes("cloud", "up")); n != 1 {
		t.Errorf("the task ran %d times", n)
	}
}
