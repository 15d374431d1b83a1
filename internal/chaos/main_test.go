package chaos

import (
	"os"
	"testing"

	"github.com/agata-fl/agata/internal/testenv"
)

// built is the command under test.
var built testenv.Command

func TestMain(m *testing.M) { os.Exit(built.Main(m)) }
