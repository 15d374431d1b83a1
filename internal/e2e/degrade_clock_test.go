//go:build amd64

package e2e

import (
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// A client's clock is wrong by hours, and is set while it runs: it is served, it
// waits as long as it should, and what it tells is kept, under its own times.
func TestDegradeClientClock(t *testing.T) {
	t.Parallel()
	agata(t) // built before anything runs
	for name, off := range map[string]time.Duration{"ahead": 5 * time.Hour, "behind": -5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.set["tasks.quarantine_minutes"] = "30"
			w.serveCloud()
			w.task("bad", forever, "note('bad')\nsay(type='error', exception='no data')\n"+forever, nil)
			w.task("a", forever, "note('a')\n"+rounding, nil)
			w.start("bad")
			w.start("a")
			settings := map[string]string{}
			for k, v := range w.set {
				settings[k] = v
			}
			settings["tasks.work_client"] = w.dir + "/client/client"
			clock, dir := newSkewed(t, off), t.TempDir()
			client := commandOf(t, clock.path, dir, os.Environ(), settings, "serve", "client-gateway", "client-task-manager")
			w.noted("client", "bad")
			w.noted("client", "a")
			w.note("client", "stage-1")
			w.counted("a", 10)
			var got struct{ Executions []history.Execution }
			w.eventually("the failure is in the history", func() bool {
				got.Executions = nil
				w.get("/executions?client=ada&task=bad", &got)
				return len(got.Executions) == 1 && got.Executions[0].State == "failed"
			})
			at := time.Unix(int64(got.Executions[0].Started), 0)
			if wrong := time.Until(at.Add(-off)); wrong.Abs() > time.Minute {
				t.Errorf("the execution began at %s: the clock was not skewed by %s", at, off)
			}
			held := w.quarantined("bad")
			if d := time.Duration((held.Until - held.Since) * float64(time.Second)); (d - 30*time.Minute).Abs() > time.Second {
				t.Errorf("a quarantine of 30 minutes is one of %s", d)
			}
			// The cloud's own times are right.
			var seen struct {
				LastSeen float64 `json:"last_seen"`
			}
			w.get("/clients/ada", &seen)
			if ago := time.Since(time.UnixMicro(int64(seen.LastSeen * 1e6))); ago.Abs() > time.Minute {
				t.Errorf("the client was last seen %s ago", ago)
			}

			// The clock is set, twice as far the other way: nothing begins to run or ends
			// for that, and polls and what is told go on.
			pid := w.runs("a").PID
			clock.set(t, client, -off)
			time.Sleep(2 * time.Second) // what is told in the first second may be taken for older than what was told before
			w.note("client", "stage-2")
			w.counted("a", 20)
			w.note("client", "end")
			w.ended("a")
			w.task("b", forever, "note('b')\n"+forever, nil)
			w.start("b")
			w.noted("client", "b")
			if alive(pid) || len(w.notes("client", "bad")) != 1 || w.quarantined("bad").TaskID == "" {
				t.Errorf("after the clock was set: %+v", w.status())
			}
			w.eventually("the cloud knows what the client does", func() bool {
				a := request(t, http.MethodGet, w.set["server.gateway.url"]+"/api/v1/clients/ada", "")
				return strings.Contains(a.body, `"task_id":"b"`)
			})
			w.eventually("the end of the task is in the history", func() bool {
				ends := w.executions("a")
				return len(ends) == 1 && ends[0].State == "finished"
			})

			// A manager that comes back under a right clock holds nothing for longer than
			// the rules say.
			client.kill()
			client = commandOf(t, agata(t), dir, os.Environ(), settings, "serve", "client-gateway", "client-task-manager")
			w.runs("b")
			if q := w.quarantined("bad"); q.Until > float64(time.Now().Add(31*time.Minute).Unix()) {
				t.Errorf("the quarantine goes on until %s", time.Unix(int64(q.Until), 0))
			}
			for _, id := range []string{"a", "b", "bad"} {
				_, _ = call(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: id})
			}
			w.ended("b")
		})
	}
}

// quarantined is what the client says of a task that it holds; zero if it does not.
func (w *world) quarantined(task string) contract.QuarantinedFor {
	w.Helper()
	held := w.status().Quarantined
	i := slices.IndexFunc(held, func(q contract.QuarantinedFor) bool { return q.TaskID == task })
	if i < 0 {
		return contract.QuarantinedFor{Since: math.NaN()}
	}
	return held[i]
}

// counted waits until n rounds are there, each once, in whatever order: they have
// the times of the client's clock.
func (w *world) counted(task string, n int) {
	w.Helper()
	w.eventually("the rounds are in the history", func() bool { return len(w.rounds(task)) >= n })
	got := w.rounds(task)
	slices.Sort(got)
	if len(slices.Compact(got)) != n {
		w.Errorf("of %d rounds the cloud has %q", n, got)
	}
}
