package chaos

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A trial of one task in a world of which nothing runs.
func trialOf(s *System, e *eyes, w *wanted) *trial {
	t := newTrial(s, 1, Schedule{}, time.Second)
	t.eyes, t.tasks, t.began = e, []*wanted{w}, time.Now()
	return t
}

func TestWhatWasRevokedAndRunsIsSeen(t *testing.T) {
	s, _, e := world(t, nil)
	w := &wanted{id: "a", state: "running", digest: "d1"}
	tr := trialOf(s, e, w)
	server := Live{PID: 1, Execution: "x1", Task: "a", Work: s.cloudWork()}
	client := Live{PID: 2, Execution: "y1", Task: "a", Work: s.clientWork("ada")}
	other := Live{PID: 3, Execution: "z1", Task: "b", Work: s.cloudWork()}
	whose := func(live ...Live) (found []string) {
		for _, b := range tr.unrevoked(live) {
			if b.invariant != Revokes {
				t.Errorf("%+v", b)
			}
			found = append(found, b.whose)
		}
		return found
	}
	if found := whose(server, client, other); len(found) != 0 {
		t.Errorf("nothing is revoked: %v", found)
	}
	w.revoke()
	if state, _ := w.now(); state != "stopped" {
		t.Errorf("a running task that is revoked is to be %s", state)
	}
	if found := whose(server, client, other); len(found) != 1 || found[0] != "cloud-task-manager" {
		t.Errorf("no client has heard: %v", found)
	}
	dir := filepath.Join(s.dir, "ada-manager", "client-task-manager")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "revoked.json"), []byte(`{"version":1,"digests":["d0","d1"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := whose(client, other); len(found) != 1 || found[0] != "ada-manager" {
		t.Errorf("ada has heard: %v", found)
	}

	// Of two clients one never hears of it, which is one violation; what starts later
	// where it is known is another.
	heard := tr.heardBy("ada", "d1")
	tr.awaitHeard(t.Context())
	if tr.said[Revokes] != 1 {
		t.Errorf("bob has not heard: %+v", tr.violations)
	}
	tr.heard["bobd1"] = heard
	tr.firstLive["y1"] = glimpse{heard.Add(-time.Second), "ada", "a"}
	tr.firstLive["z1"] = glimpse{heard.Add(time.Hour), "", "b"}
	tr.awaitHeard(t.Context())
	if tr.said[Revokes] != 1 {
		t.Errorf("nothing of it started: %+v", tr.violations)
	}
	tr.firstLive["y2"] = glimpse{heard.Add(ghostGrace + time.Second), "ada", "a"}
	tr.awaitHeard(t.Context())
	if tr.said[Revokes] != 2 {
		t.Errorf("a copy that starts again is forgiven: %+v", tr.violations)
	}
}

func TestStartOfWhatIsRevokedMustBeRefused(t *testing.T) {
	w := &wanted{id: "a"}
	if err := startedRevoked(w, &refused{status: 403, text: "revoked"}); err != nil {
		t.Error(err)
	}
	if err := startedRevoked(w, nil); err == nil {
		t.Error("a revoked task may start")
	}
}
