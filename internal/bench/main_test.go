package bench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/testenv"
)

// bin holds the command that is measured.
var bin string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "agata-bench-test-")
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

// built makes the command agata once, without the race detector.
var built = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	path := filepath.Join(bin, "agata")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/agata-fl/agata/cmd/agata").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the command agata: %w\n%s", err, out)
	}
	return path, nil
})

// short is an environment in which everything takes as little as it can.
func short(t testing.TB, brokers ...*Broker) *Env {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if len(brokers) == 0 {
		b, err := NewBroker(t.Context(), Embedded, "")
		if err != nil {
			t.Fatal(err)
		}
		brokers = append(brokers, b)
	}
	return &Env{
		Binary: binary, Dir: t.TempDir(), Brokers: brokers, Python: cmp.Or(os.Getenv(testenv.PythonVar), "python3"), Rounds: 1, Cold: true, Time: 100 * time.Millisecond,
		Callers: []int{1, 64}, Count: 1, Size: 24 << 20, Idle: time.Second, Say: func(text string) { t.Log(text) },
	}
}

// rabbit is a private RabbitMQ node, or the test is skipped.
func rabbit(t *testing.T) *Broker {
	t.Helper()
	n := testenv.RabbitMQ(t)
	b, err := NewBroker(t.Context(), n.DefaultURL, n.Management)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
