package chaos

import (
	"context"
	"fmt"
	"time"
)

// begun is when a task failed, by its own note unless that is known.
func (f *faultRun) begun(ctx context.Context, task string, known time.Time) (time.Time, error) {
	if !known.IsZero() {
		return known, nil
	}
	err := f.until(ctx, "task "+task+" notes its fault", func() bool {
		deeds, err := readDeeds(f.s.clientWork(clients[0]), clients[0], map[string]bool{task: true})
		if err == nil && len(deeds) == 1 && deeds[0].Fault > 0 {
			known = time.UnixMicro(int64(deeds[0].Fault * 1e6))
		}
		return !known.IsZero()
	})
	return known, err
}

// succeeded waits until the next task's process runs and tells how long that took.
func (f *faultRun) succeeded(ctx context.Context, next string, since time.Time) (took time.Duration, err error) {
	err = f.until(ctx, "the next task, "+next+", runs", func() bool {
		deeds, err := readDeeds(f.s.clientWork(clients[0]), clients[0], map[string]bool{next: true})
		if err != nil || len(deeds) == 0 || deeds[0].Started == 0 {
			return false
		}
		took = time.UnixMicro(int64(deeds[0].Started * 1e6)).Sub(since)
		return true
	})
	return took, err
}

// why is the reason that the client gives for a task's end: in the cloud's history
// or, of one that never ran, in its quarantine.
func (f *faultRun) why(ctx context.Context, task string, never bool) (reason string, err error) {
	err = f.until(ctx, "the end of task "+task+" is told", func() bool {
		if never {
			state, err := f.s.status(ctx, clients[0])
			for _, q := range state.Quarantined {
				if err == nil && q.TaskID == task {
					reason = string(q.Reason)
				}
			}
			return reason != ""
		}
		var list struct {
			Executions []struct{ State, Reason string } `json:"executions"`
		}
		if f.s.get(ctx, "/executions?side=client&task="+task, &list) != nil || len(list.Executions) != 1 || list.Executions[0].State == "running" {
			return false
		}
		reason = list.Executions[0].Reason
		return true
	})
	return reason, err
}

// tidy ends both tasks and waits until nothing of them runs.
func (f *faultRun) tidy(ctx context.Context, tasks ...*wanted) error {
	for _, w := range tasks {
		if err := f.s.act(ctx, w, Step{Do: Stop}); err != nil {
			return err
		}
	}
	err := f.until(ctx, "nothing runs any more", func() bool {
		live, _ := f.s.scan.Of(f.s.dir)
		state, err := f.s.status(ctx, clients[0])
		return len(live) == 0 && err == nil && len(state.Running) == 0
	})
	if err != nil {
		return err
	}
	for _, w := range tasks {
		if err := f.s.send(ctx, "DELETE", "/tasks/"+w.id, "", nil, nil); err != nil {
			return fmt.Errorf("delete task %s: %w", w.id, err)
		}
	}
	f.release()
	return nil
}

// until waits for something for up to faultBound.
func (f *faultRun) until(ctx context.Context, what string, ok func() bool) error {
	for end := time.Now().Add(faultBound); !ok(); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(end) {
			return &notSeen{what}
		}
		sleep(ctx, 10*time.Millisecond)
	}
	return nil
}

// notSeen tells that something did not happen in time.
type notSeen struct{ what string }

// Error says what.
func (n *notSeen) Error() string {
	return fmt.Sprintf("it was not seen within %s that %s", faultBound, n.what)
}
