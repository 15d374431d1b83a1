package bench

import (
	"cmp"
	"os"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// built is the command that is measured.
var built testenv.Command

func TestMain(m *testing.M) { os.Exit(built.Main(m)) }

// short is an environment in which everything takes as little as it can.
func short(t testing.TB, brokers ...*Broker) *Env {
	t.Helper()
	binary := built.Path(t)
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
