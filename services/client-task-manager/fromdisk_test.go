package clienttaskmanager_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

// cutOff starts a client whose cloud and file server do not answer.
func (b *bench) cutOff() (stop func()) {
	b.t.Helper()
	b.setAway(true)
	return b.start(func(o *clienttaskmanager.Options) { o.FilesURL = "http://127.0.0.1:1" })
}

// saysAway waits until the client has asked in vain a few times.
func (b *bench) saysAway() {
	b.t.Helper()
	before := b.asked()
	testenv.Eventually(b.t, patience, "the client has asked the cloud in vain", func() bool {
		return strings.Contains(b.status().LastError, contract.CloudInvalid) && b.asked() >= before+3
	})
}

func (b *bench) asked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.polls
}

func TestAClientWithoutANetworkStartsFromDisk(t *testing.T) {
	b := setup(t)
	b.offer(b.task("bad", fails), b.task("a", forever), b.task("next", forever))
	stop := b.start(nil)
	b.quarantined("bad")
	b.running("a")
	stop()
	secret, err := os.ReadFile(filepath.Join(b.dir, "data", "offers.json"))
	if err != nil || strings.Contains(string(secret), `"p"`) || strings.Contains(string(secret), "assword") {
		t.Errorf("what is on disk: %v %s", err, secret)
	}
	downloads := b.count("Started downloading task")

	b.cutOff()
	pid := b.running("a")
	b.await(1, "Starting task from disk: the cloud does not answer")
	b.saysAway()
	if n := b.count("Finish client task initialization"); n != 3 { // bad, a, and a again
		t.Errorf("%d tasks were started", n)
	}
	if n := b.count("Started downloading task"); n != downloads {
		t.Errorf("%d downloads were begun without a network", n-downloads)
	}
	told := false
	for _, r := range b.history(contract.RecordExecution, "a") {
		told = told || r.Run.State == "running" && strings.Contains(r.Run.Detail, "from disk")
	}
	if !told {
		t.Error("the history is not told that it was started from disk")
	}

	// The cloud comes back: what it still offers goes on, what it does not is stopped.
	b.setAway(false)
	testenv.Eventually(t, patience, "the client finds the cloud again", func() bool { return b.status().LastError == "" })
	before := b.asked()
	testenv.Eventually(t, patience, "it has asked a few times", func() bool { return b.asked() >= before+3 })
	if got := b.running("a"); got != pid {
		t.Errorf("the task was restarted when the cloud came back: pid %d became %d", pid, got)
	}
	b.offer()
	b.running()
}

func TestOnlyWhatWasDownloadedStartsFromDisk(t *testing.T) {
	for name, spoil := range map[string]func(b *bench){
		"a file was changed":        func(b *bench) { b.overwrite("work/tasks/task_a/client.py", preamble+forever+"# mine\n") },
		"a file is gone":            func(b *bench) { b.remove("work/tasks/task_a/client.py") },
		"its digests are gone":      func(b *bench) { b.remove("data/downloads/task_a.json") },
		"its digests are torn":      func(b *bench) { b.overwrite("data/downloads/task_a.json", "{") },
		"the offers are torn":       func(b *bench) { b.overwrite("data/offers.json", `{"version":1,`) },
		"the offers are another's":  func(b *bench) { b.change("user_id", "bob") },
		"the offers are unknown":    func(b *bench) { b.change("version", 2) },
		"the offers are a week old": func(b *bench) { b.heard(time.Now().Add(-7 * 24 * time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.offer(b.task("a", forever))
			stop := b.start(nil)
			b.running("a")
			stop()
			spoil(b)
			stop = b.cutOff()
			b.saysAway()
			b.running()
			if q := b.status().Quarantined; len(q) > 0 {
				t.Errorf("that is held against the task: %+v", q)
			}
			stop()
			b.setAway(false)
			b.start(nil)
			b.running("a") // with a network it is fetched, and runs
		})
	}
}

func (b *bench) overwrite(path, text string) {
	if err := os.WriteFile(filepath.Join(b.dir, path), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) remove(path string) {
	if err := os.Remove(filepath.Join(b.dir, path)); err != nil {
		b.t.Fatal(err)
	}
}

// change sets a value of what the client remembers.
func (b *bench) change(key string, value any) {
	all := b.remembered()
	all[key] = value
	b.remember(all)
}

// heard sets when the cloud was last heard.
func (b *bench) heard(at time.Time) {
	all := b.remembered()
	all["state"].(map[string]any)["heard"] = at
	b.remember(all)
}

func (b *bench) remembered() (all map[string]any) {
	text, err := os.ReadFile(filepath.Join(b.dir, "data", "offers.json"))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *bench) remember(all map[string]any) {
	text, err := json.Marshal(all)
	if err != nil {
		b.t.Fatal(err)
	}
	b.overwrite("data/offers.json", string(text))
}
