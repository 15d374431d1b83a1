package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// deeds are what all executions of the trial's tasks truly did.
func (t *trial) deeds() (all []*deed, err error) {
	ids := map[string]bool{}
	for _, w := range t.tasks {
		ids[w.id] = true
	}
	for _, place := range append([]string{""}, clients...) {
		work := t.s.cloudWork()
		if place != "" {
			work = t.s.clientWork(place)
		}
		deeds, err := readDeeds(work, place, ids)
		if err != nil {
			return nil, err
		}
		all = append(all, deeds...)
	}
	return all, nil
}

// awaitHistory waits until all that happened up to now is in the history.
func (t *trial) awaitHistory(ctx context.Context) {
	began := time.Now()
	deeds, err := t.deeds()
	if err != nil {
		t.violate(NothingLost, "the tasks' own files cannot be read: %v", err)
		return
	}
	for {
		rounds, excused, err := t.whole(ctx, deeds)
		if err == nil {
			t.mu.Lock()
			t.rounds, t.excused, t.toldIn = rounds, excused, max(t.toldIn, time.Since(began))
			t.mu.Unlock()
			return
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > t.bound {
			t.violate(NothingLost, "%s later: %v", t.bound, err)
			return
		}
		sleep(ctx, 100*time.Millisecond)
	}
}

// whole tells what of the deeds the history lacks, and counts the rounds that it
// has and those that are forgiven.
func (t *trial) whole(ctx context.Context, deeds []*deed) (rounds, excused int, err error) {
	for _, d := range deeds {
		told, err := t.history(ctx, d)
		if err != nil {
			return 0, 0, err
		}
		var missing []string
		for n, at := range d.Rounds {
			when := time.UnixMilli(int64(at * 1e3))
			switch {
			case told.rounds[n] > 0:
				rounds++
			case t.s.lostSince(d.Client, when):
				excused++
			default:
				missing = append(missing, fmt.Sprintf("%d (at %.3fs)", n, when.Sub(t.began).Seconds()))
			}
		}
		if len(missing) > 0 {
			slices.Sort(missing)
			return 0, 0, fmt.Errorf("the history lacks %d of %d rounds of execution %s of task %s at %s: %s",
				len(missing), len(d.Rounds), d.Execution, d.Task, orCloud(d.Client), strings.Join(missing[:min(5, len(missing))], ", "))
		}
		started := time.UnixMilli(int64(d.Started * 1e3))
		if told.state == "" && !t.s.lostSince(d.Client, started) {
			return 0, 0, fmt.Errorf("the history does not know execution %s of task %s at %s", d.Execution, d.Task, orCloud(d.Client))
		}
	}
	return rounds, excused, nil
}

// told is what the history has of an execution.
type told struct {
	state  string
	rounds map[int]int // how often each round is there
}

func (t *trial) history(ctx context.Context, d *deed) (told, error) {
	h := told{rounds: map[int]int{}}
	var metrics struct {
		Series []struct {
			Points  []struct{ Round string } `json:"points"`
			Thinned bool                     `json:"thinned"`
		} `json:"series"`
	}
	if err := t.s.get(ctx, fmt.Sprintf("/tasks/%s/metrics?execution=%s&points=5000", d.Task, d.Execution), &metrics); err != nil {
		return h, fmt.Errorf("read the rounds from the history: %w", err)
	}
	for _, series := range metrics.Series {
		for _, p := range series.Points {
			n, err := strconv.Atoi(p.Round)
			if err != nil {
				return h, fmt.Errorf("the history has a round %q", p.Round)
			}
			h.rounds[n]++
		}
	}
	var x struct {
		State string `json:"state"`
	}
	err := t.s.get(ctx, "/executions/"+d.Execution, &x)
	if r, ok := err.(*refused); ok && r.status == http.StatusNotFound {
		return h, nil
	}
	h.state = x.State
	return h, err
}

// once looks that nothing took effect twice. All has ended by now.
func (t *trial) once(ctx context.Context) {
	deeds, err := t.deeds()
	if err != nil {
		t.violate(NothingLost, "the tasks' own files cannot be read: %v", err)
		return
	}
	executions := map[string][]string{} // by task and place
	for _, d := range deeds {
		key := d.Task + " " + d.Client
		executions[key] = append(executions[key], d.Execution)
		if len(d.PIDs) > 1 { // none: it was killed before it could note itself
			t.violate(OnceOnly, "execution %s of task %s at %s has had the processes %v", d.Execution, d.Task, orCloud(d.Client), d.PIDs)
		}
		told, err := t.history(ctx, d)
		if err != nil {
			t.violate(NothingLost, "%v", err)
			continue
		}
		for n, times := range told.rounds {
			if times > 1 {
				t.violate(OnceOnly, "round %d of execution %s of task %s at %s is in the history %d times", n, d.Execution, d.Task, orCloud(d.Client), times)
			}
			if n > len(d.Rounds)+1 { // the last may have been told, and not noted
				t.violate(OnceOnly, "the history has round %d of execution %s, which reported %d", n, d.Execution, len(d.Rounds))
			}
		}
		t.mu.Lock()
		last := t.lastLive[d.Execution]
		t.mu.Unlock()
		if told.state == "running" && !t.s.lostSince(d.Client, last.at) {
			t.violate(NothingLost, "the history says that execution %s of task %s at %s still runs", d.Execution, d.Task, orCloud(d.Client))
		}
	}
	for _, w := range t.tasks {
		for _, place := range append([]string{""}, clients...) {
			may := w.starts
			if place != "" {
				may += w.kills[place]
			}
			if had := executions[w.id+" "+place]; len(had) > may {
				t.violate(OnceOnly, "task %s had %d executions at %s, and reasons for %d: %d starts and kills %v; %s",
					w.id, len(had), orCloud(place), may, w.starts, w.kills, strings.Join(had, ", "))
			}
		}
	}
}
