package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// finish stops all tasks, looks that they are gone and that the history is whole,
// and deletes them.
func (t *trial) finish(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range t.tasks {
		all.Go(func() {
			if err := t.s.act(ctx, w, Step{Do: Stop}); err != nil && ctx.Err() == nil {
				t.violate(Obeys, "%v", err)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil || !t.awaitRight(ctx, "all tasks were stopped") {
		return
	}
	t.s.repeats.Wait()
	t.awaitHeard(ctx)
	t.awaitHistory(ctx)
	t.once(ctx)
	t.onRecord(ctx)
	for _, w := range t.tasks {
		if state, _ := w.now(); state == "" {
			continue
		}
		if err := t.s.send(ctx, http.MethodDelete, "/tasks/"+w.id, "", nil, nil); err != nil && ctx.Err() == nil {
			t.violate(Obeys, "the task %s could not be deleted: %v", w.id, err)
		}
	}
}

// revokedAt tells of a task's revocation, if it was revoked.
func revokedAt(t *trial, w *wanted) string {
	digest, revoked := w.bundle()
	if revoked.IsZero() {
		return ""
	}
	text := fmt.Sprintf(", bundle %.8s revoked at %.3fs", digest, revoked.Sub(t.began).Seconds())
	for _, c := range clients {
		if heard := t.heardBy(c, digest); !heard.IsZero() {
			text += fmt.Sprintf(", %s heard of it at %.3fs", c, heard.Sub(t.began).Seconds())
		}
	}
	return text
}

// state is the system for people, beside a violation.
func (t *trial) state(ctx context.Context) []string {
	lines := []string{fmt.Sprintf("right: %v", t.right(ctx))}
	for _, w := range t.tasks {
		state, settled := w.now()
		lines = append(lines, fmt.Sprintf("wanted: task %s (%q) %s, settled %t, %d starts, kills %v", w.id, w.criteria, state, settled, w.starts, w.kills)+revokedAt(t, w))
	}
	if records, err := t.eyes.records(ctx); err == nil {
		for id, r := range records {
			lines = append(lines, fmt.Sprintf("record: task %s %s, execution %s", id, r.state, r.execution))
		}
	}
	live, _ := t.s.scan.Of(t.s.dir)
	for _, l := range live {
		lines = append(lines, fmt.Sprintf("process: %d of task %s at %s, execution %s", l.PID, l.Task, orCloud(t.eyes.place(l)), l.Execution))
	}
	for _, c := range clients {
		state, ok := t.eyes.status(c)
		lines = append(lines, fmt.Sprintf("client %s (answers: %t): runs %+v, set aside %+v, last error %q", c, ok, state.Running, state.Quarantined, state.LastError))
	}
	for _, f := range t.faults {
		lines = append(lines, fmt.Sprintf("fault: %s at %.3fs, over at %.3fs", f.kind, f.began.Sub(t.began).Seconds(), f.over.Sub(t.began).Seconds()))
	}
	slices.SortStableFunc(lines[1:], strings.Compare)
	return lines
}
