package supervise

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(hostEnv) != "" {
		host() // a manager in a process of its own, to be killed
		return
	}
	goleak.VerifyTestMain(m)
}
