package e2e

import (
	"os"
	"testing"

	"github.com/agata-fl/agata/internal/testenv"
)

// built is the binary that some tests run.
var built testenv.Command

func TestMain(m *testing.M) {
	os.Exit(built.Main(m))
}

// agata is the path of the command.
func agata(t testing.TB) string {
	t.Helper()
	return built.Path(t)
}
