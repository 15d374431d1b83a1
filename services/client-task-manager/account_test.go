package clienttaskmanager_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

// A task of another account reads its files, reports, changes what the client
// says of itself, writes into its own folder, and nowhere else.
func TestATaskOfAnotherAccount(t *testing.T) {
	account, err := supervise.LookUpAccount("nobody")
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), "takes root") {
			t.Errorf("without root: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AGATA_TOKEN", "secret")
	t.Setenv("MINE_A", "shown")
	b := setup(t)
	for _, dir := range []string{filepath.Dir(b.dir), b.dir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(b.dir, "data"), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "data", "key"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.offer(b.task("a", `
def may(path, mode):
    try:
        open(path, mode).close()
        return True
    except OSError:
        return False
work = sys.argv[1]
info = os.path.join(work, "client_info", "ada_info.json")
said = json.load(open(info)); said["seen"] = True; json.dump(said, open(info, "w"))
key = os.path.join(os.path.dirname(work), "data", "key")
print(os.getuid(), may(os.environ["TMPDIR"] + "/x", "w"), may(key, "r"), may(__file__, "a"), may(os.path.dirname(__file__) + "/new.py", "w"),
      "AGATA_TOKEN" in os.environ, os.environ.get("MINE_A"), flush=True)
`+finishes))
	b.start(func(o *clienttaskmanager.Options) { o.Account, o.Environment = account, []string{"MINE_*"} })
	run := b.becomes("a", "finished").Run
	if got := strings.Join(run.LastLines, "\n"); got != "65534 True False False False False shown" {
		t.Errorf("it says %q", got)
	}
	testenv.Eventually(t, patience, "the cloud is told what the task changed", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.told) > 0 && b.told[len(b.told)-1].Attributes["seen"] == true
	})
	// A folder that keeps the account out refuses the start, and says which.
	if err := os.Chmod(filepath.Join(b.dir, "work"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.offer(b.task("closed", finishes))
	if run := b.becomes("closed", "failed").Run; run.Reason != contract.ReasonStartFailed || !strings.Contains(run.Detail, "keeps the account nobody out") {
		t.Errorf("%+v", run)
	}
}
