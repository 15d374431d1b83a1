package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// bin holds the binary that some tests run.
var bin string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "agata-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	bin = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// built makes the command agata once, without the race detector: what it costs
// is measured.
var built = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	path := filepath.Join(bin, "agata")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/agata-fl/agata/cmd/agata").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the command agata: %w\n%s", err, out)
	}
	return path, nil
})

// agata is the path of the command.
func agata(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
