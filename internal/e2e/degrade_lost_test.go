package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
)

// The cloud's task manager comes back and finds no process of a task that it has
// on record as running: the task is lost, with that reason, and its clients are
// released within two polls. Another one is adopted.
func TestDegradeServerIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["client.params.policy"], w.set["client.params.max_tasks"] = "all", "4"
	w.serve(app.UserManager, app.CloudGateway)
	manager := w.serve(app.CloudTaskManager, keepTasks)
	for _, id := range []string{"lost", "kept"} {
		w.task(id, forever, "note('"+id+"')\n"+forever, nil)
		w.start(id)
	}
	w.serveClient()
	w.noted("client", "lost")
	w.noted("client", "kept")
	lost, kept := w.summary("lost").PID, w.summary("kept").PID
	client, other := w.runs("lost").PID, w.runs("kept").PID

	manager.stop()
	kill(t, parent(t, lost)) // its shim, and with that itself
	w.eventually("the server's process is gone", func() bool { return !alive(lost) })
	if !alive(client) || !alive(other) {
		t.Error("the client's side ended because the cloud was away")
	}
	began := time.Now()
	w.serve(app.CloudTaskManager)
	if s := w.summary("lost"); s.State != "failed" || !strings.Contains(s.Reason, "lost") {
		t.Errorf("the task without a process: %+v", s)
	}
	if s := w.summary("kept"); s.State != "running" || s.PID != kept {
		t.Errorf("the task with a process: %+v", s)
	}
	w.ended("lost")
	t.Logf("the client's side was over %s after the manager's start", time.Since(began).Round(time.Millisecond))
	if alive(client) {
		t.Error("the client's process outlived its release")
	}
	if e := w.runs("kept"); e.PID != other {
		t.Errorf("another task was disturbed: %+v", e)
	}
	w.start("lost") // nothing is in the way of another try
	w.eventually("it runs again on both sides", func() bool { return len(w.notes("client", "lost")) == 2 })
}
