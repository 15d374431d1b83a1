package experiment

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func buildGoTask(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gofedavg")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/agata-fl/agata/experiments/tasks/gofedavg").CombinedOutput(); err != nil {
		t.Fatalf("build the Go task: %v\n%s", err, out)
	}
	return binary
}
