package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// probe tells, as the accuracy of a round, what its process may do.
const probe = `
import resource
def may(path):
    try:
        open(path).close()
        return True
    except OSError:
        return False
config = open("config.ini").read()
open(os.environ["TMPDIR"] + "/mine", "w").close()
say(type="model", round="1", acc=f"{os.getuid()} {resource.getrlimit(resource.RLIMIT_NOFILE)[1]} {os.environ.get('AGATA_CLIENT_AUTH_TOKEN')} {'password =' in config} {'port' in config} {may(sys.argv[2] + '/cloud-task-manager.db')} {may(sys.argv[2] + '/cloud/tasks/task_a/server.py')}")
`

// Both sides of a task run within limits and, where AGATA is root, as another
// account, from the configuration on. What is not for them is closed to them.
func TestTasksOfAnotherAccount(t *testing.T) {
	w := newWorld(t)
	t.Setenv("AGATA_CLIENT_AUTH_TOKEN", "secret")
	uid, readsData := os.Geteuid(), "True"
	if uid == 0 {
		uid, readsData = 65534, "False"
		w.set["tasks.user"] = "nobody"
	}
	for _, dir := range []string{filepath.Dir(w.dir), w.dir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.set["tasks.open_files"], w.set["tasks.python"] = "99", "python3"
	w.serveCloud()
	w.serveClient()
	data := filepath.Join(w.dir, "cloud")
	w.task("a", probe+forever, probe+"finish()\n", func(r *contract.CreateTaskRequest) {
		r.ServerArguments, r.ClientArguments = data, &data
	})
	w.start("a")
	want := fmt.Sprintf("%d 99 None False True %s True", uid, readsData)
	w.eventually("the server tells what it may do", func() bool { return w.summary("a").Acc != "" })
	if got := w.summary("a").Acc; got != want {
		t.Errorf("the server: %q, want %q", got, want)
	}
	w.eventually("the client tells what it may do", func() bool {
		return strings.Contains(w.log.tail(1000), `round=1 acc="`+want+`"`)
	})
}
