package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// actionTime is how long an action may take at least to be carried out, whatever
// is broken meanwhile; a campaign with more patience has it here as well.
const actionTime = 30 * time.Second

// act carries out an operator's action until it has taken effect for certain: an
// answer that is lost is asked for again, with the same key.
func (s *System) act(ctx context.Context, w *wanted, step Step) error {
	w.begin(1)
	defer w.begin(-1)
	w.turn.Lock()
	defer w.turn.Unlock()
	state, _ := w.now()
	_, revoked := w.bundle()
	banned := step.Do == Start && !revoked.IsZero() // it must be refused
	switch {
	case step.Do == Create && state != "", step.Do != Create && state == "", step.Do == Revoke && !revoked.IsZero(),
		step.Do == Start && state == "running", step.Do == Stop && state != "running":
		return nil // there is nothing to do: a fault or another action came first
	}
	within := max(actionTime, s.opt.Bound)
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("the operator could not %s task %s within %s", step.Do, w.id, within))
	defer cancel()
	if step.Do == Start && !banned {
		w.mu.Lock()
		w.starts++
		w.mu.Unlock()
	}
	send, began := s.request(w, step), time.Now()
	for try := 0; ; try++ {
		err := send(ctx)
		if r, answered := errors.AsType[*refused](err); banned && (err == nil || answered && !r.unsure()) {
			return startedRevoked(w, err)
		}
		if s.early(w, step, err, began) {
			send = s.request(w, step) // a new wish: the refusal of the old one is remembered
			continue
		}
		if err == nil {
			w.tell(step.Do)
		}
		done, sure := s.effect(ctx, w, step, err, try)
		if done {
			break
		}
		if sure && err != nil {
			return fmt.Errorf("the operator's %s of task %s was refused: %w", step.Do, w.id, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(150 * time.Millisecond):
		}
	}
	switch step.Do {
	case Create:
		w.set("new")
		return s.give(w, map[string]string{"server.py": program, "client.py": program})
	case Start:
		w.set("running")
	case Stop:
		w.set("stopped")
	case Revoke:
		w.revoke()
	}
	return nil
}

// startedRevoked is what is wrong with the answer to the start of a task whose bundle
// is revoked.
func startedRevoked(w *wanted, refusal error) error {
	if refusal != nil {
		return nil
	}
	return fmt.Errorf("task %s was started, and its bundle is revoked", w.id)
}

// effect tells whether an action took effect, and whether its failure is for good.
// After a first try that may have been carried out, a refusal can mean just that.
func (s *System) effect(ctx context.Context, w *wanted, step Step, err error, try int) (done, sure bool) {
	if err == nil {
		return true, true
	}
	r, answered := errors.AsType[*refused](err)
	if !answered || r.unsure() {
		return false, false
	}
	if try == 0 {
		return false, true
	}
	var t struct {
		State string `json:"state"`
	}
	gone := s.get(ctx, "/tasks/"+w.id, &t)
	if g, ok := errors.AsType[*refused](gone); gone != nil && (!ok || g.status != http.StatusNotFound) {
		return false, false
	}
	switch step.Do {
	case Create:
		done = gone == nil
	case Start:
		done = t.State == "running"
	case Stop:
		done = t.State != "running"
	}
	return done, true
}

// early tells that a start was refused since the task's last server has just died,
// and that was not noticed yet.
func (s *System) early(w *wanted, step Step, err error, began time.Time) bool {
	r, answered := errors.AsType[*refused](err)
	if step.Do != Start || !answered || r.unsure() || time.Since(began) > s.opt.grace() {
		return false
	}
	s.scan.settle()
	live, _ := s.scan.Of(s.dir)
	return !slices.ContainsFunc(live, func(l Live) bool { return l.Task == w.id && l.Work == s.cloudWork() })
}
