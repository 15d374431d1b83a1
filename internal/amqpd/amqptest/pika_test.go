package amqptest_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/testenv"
)

// TestPika runs the pattern of AGATA's Python peers with the client they use.
func TestPika(t *testing.T) {
	python := testenv.Python(t)
	for name, url := range map[string]func(*testing.T) string{
		"embedded": func(t *testing.T) string { return embedded(t).URL() },
		"rabbitmq": func(t *testing.T) string { return testenv.RabbitMQ(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			out, err := exec.CommandContext(ctx, python, "testdata/rpc.py", url(t), "rpc_exec_double_"+uuid.NewString()).CombinedOutput()
			if want := "blocking 200 42\nselect 200 8\n"; err != nil || string(out) != want {
				t.Errorf("%v\ngot\n%swant\n%s", err, out, want)
			}
		})
	}
}
