package cloudtaskmanager

import (
	"sync"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestOneOfManyStartsWins(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", forever)
	var wg sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = rpc.Call(t.Context(), c.caller, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"})
		})
	}
	wg.Wait()
	started := 0
	for _, err := range errs {
		switch {
		case err == nil:
			started++
		case err.Error() != contract.TaskAlreadyRunning("a"):
			t.Error(err)
		}
	}
	if started != 1 || len(m.runs.all()) != 1 || len(m.procs.Processes()) != 1 {
		t.Errorf("%d starts succeeded, %d run, %d processes", started, len(m.runs.all()), len(m.procs.Processes()))
	}
}

func TestStartsAndStopsAtOnce(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("a", forever)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				_, err := rpc.Call(t.Context(), c.caller, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a"})
				if err != nil && err.Error() != contract.TaskAlreadyRunning("a") {
					t.Error(err)
				}
				_, err = rpc.Call(t.Context(), c.caller, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
				if err != nil && err.Error() != contract.TaskNotFound("a") {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if c.running("a") != (len(m.runs.all()) == 1) || c.running("a") != (len(m.offers.All()) == 1) {
		t.Errorf("the record says running %v, memory has %d, offers %d", c.running("a"), len(m.runs.all()), len(m.offers.All()))
	}
}
