package failover

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestKilledNode kills the node that a service is on, and starts it again. The other
// faults are those of `agata bench cluster`.
func TestKilledNode(t *testing.T) {
	testenv.RabbitMQCluster(t) // or skip
	c, err := Parse(filepath.Join("..", "..", "tools", "testnodes"), os.Getenv(testenv.ClusterVar))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{Cluster: c, Fault: "kill"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Violations(); err != nil {
		t.Error(err)
	}
	if r.Good == 0 || r.Events == 0 {
		t.Errorf("there was no load: %+v", r)
	}
	t.Logf("%+v", r)
}
