package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// right tells what is not yet as the operator wants it: at the cloud, at each
// client, and in what the cloud tells of it. nil: all is right.
func (t *trial) right(ctx context.Context) error {
	records, err := t.eyes.records(ctx)
	if err != nil {
		return err
	}
	live, _ := t.s.scan.Of(t.s.dir)
	at := map[string]map[string]string{"": {}} // by place and task, the execution
	for _, c := range clients {
		at[c] = map[string]string{}
	}
	for _, l := range live {
		place := at[t.eyes.place(l)]
		if place[l.Task] != "" {
			return fmt.Errorf("task %s runs twice at %s", l.Task, orCloud(t.eyes.place(l)))
		}
		place[l.Task] = l.Execution
	}
	for _, w := range t.tasks {
		state, settled := w.now()
		if !settled {
			return fmt.Errorf("the operator is not done with task %s", w.id)
		}
		if state == "" {
			continue
		}
		_, revoked := w.bundle()
		// How its server ended depends on what came first, if it had just died as well.
		if r := records[w.id]; r.state != state && (revoked.IsZero() || r.state == "running") {
			return fmt.Errorf("task %s is %s and has to be %s", w.id, r.state, state)
		} else if x := at[""][w.id]; state == "running" && x != r.execution || state != "running" && x != "" {
			return fmt.Errorf("task %s is %s with execution %q, and execution %q runs", w.id, state, r.execution, x)
		}
		for _, c := range clients {
			if want := state == "running" && w.isFor(c); want != (at[c][w.id] != "") {
				return fmt.Errorf("task %s is %s, and on client %s it runs: %t", w.id, state, c, !want)
			}
		}
	}
	for _, c := range clients {
		state, ok := t.eyes.status(c)
		if !ok {
			return fmt.Errorf("client %s does not answer", c)
		}
		said := map[string]string{}
		for _, x := range state.Running {
			said[x.TaskID] = x.ExecutionID
		}
		if !maps.Equal(said, at[c]) {
			return fmt.Errorf("client %s says that it runs %v, and there run %v", c, said, at[c])
		}
	}
	return t.told(ctx, at)
}

// told tells what the cloud's history says wrongly of what runs.
func (t *trial) told(ctx context.Context, at map[string]map[string]string) error {
	var list struct {
		Executions []struct{ ID, Task, Client string } `json:"executions"`
	}
	if err := t.s.get(ctx, "/executions?state=running&limit=1000", &list); err != nil {
		return fmt.Errorf("the history does not answer: %w", err)
	}
	want := map[string]bool{}
	for _, place := range at {
		for _, x := range place {
			want[x] = true
		}
	}
	for _, x := range list.Executions {
		if !want[x.ID] && !t.excusedEnd(x.ID, x.Client) {
			return fmt.Errorf("the history says that execution %s of task %s at %s runs, and it does not", x.ID, x.Task, orCloud(x.Client))
		}
		delete(want, x.ID)
	}
	missing := slices.Sorted(maps.Keys(want))
	missing = slices.DeleteFunc(missing, t.excusedStart)
	if len(missing) > 0 {
		return fmt.Errorf("the history does not know that these run: %s", strings.Join(missing, ", "))
	}
	var errs []error
	for _, c := range clients {
		var seen struct {
			State struct {
				Running []struct {
					Task      string `json:"task_id"`
					Execution string `json:"execution_id"`
				} `json:"running"`
			} `json:"state"`
		}
		if err := t.s.get(ctx, "/clients/"+c, &seen); err != nil {
			return fmt.Errorf("the cloud does not tell of client %s: %w", c, err)
		}
		said := map[string]string{}
		for _, x := range seen.State.Running {
			said[x.Task] = x.Execution
		}
		if !maps.Equal(said, at[c]) && !t.excusedState(c) {
			errs = append(errs, fmt.Errorf("the cloud says that client %s runs %v, and there run %v", c, said, at[c]))
		}
	}
	return errors.Join(errs...)
}
