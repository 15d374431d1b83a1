package experiment

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// functions are the queues that an experiment leaves on a broker.
func functions() []string {
	return []string{
		contract.CreateTask.Name, contract.StartServerTask.Name, contract.StopServerTask.Name, contract.UpdateTask.Name, contract.GetTask.Name,
		contract.RequestTasks.Name, contract.UpdateUser.Name, contract.GetUser.Name, contract.ListTasks.Name, contract.ListUsers.Name,
		contract.ExplainTask.Name, contract.ServerLogs.Name, contract.ClientStatus.Name, contract.ReleaseTask.Name,
	}
}

func buildGoTask(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gofedavg")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/agata-fl/agata/experiments/tasks/gofedavg").CombinedOutput(); err != nil {
		t.Fatalf("build the Go task: %v\n%s", err, out)
	}
	return binary
}
