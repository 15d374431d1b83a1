package launch

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/internal/supervise"
)

// Surroundings are what a task may learn from its environment.
type Surroundings struct {
	Side       Side
	Work       string
	ClientID   string // empty on the cloud's side
	Host       string // where the task's own server listens
	Port       int
	PythonPath []string // put before this process's PYTHONPATH
	Trace      string   // W3C traceparent, or empty
	Allow      []string // patterns of further variables that the task may see
	Other      bool     // the task runs as another account, which cannot write into Work
}

// Environ is the environment of a task's process: what [supervise.Environ] lets
// through, and AGATA's own. The task's and the execution's id, and the file for
// reports, are added when it is started.
func (s Surroundings) Environ() []string {
	extra := []string{
		"AGATA_SIDE=" + string(s.Side),
		"AGATA_WORK_DIR=" + s.Work,
		"AGATA_SERVER_ADDRESS=" + net.JoinHostPort(s.Host, strconv.Itoa(s.Port)),
		"FLWR_TELEMETRY_ENABLED=0",
		"PYTHONUNBUFFERED=1",
	}
	if !s.Other { // else Flower takes HOME, which is the task's own then
		extra = append(extra, "FLWR_HOME="+filepath.Join(s.Work, "flwr_home"))
	}
	if s.ClientID != "" {
		extra = append(extra, "AGATA_CLIENT_ID="+s.ClientID)
	}
	paths := slices.Clone(s.PythonPath)
	if ours := os.Getenv("PYTHONPATH"); ours != "" {
		paths = append(paths, ours)
	}
	if len(paths) > 0 {
		extra = append(extra, "PYTHONPATH="+strings.Join(paths, string(filepath.ListSeparator)))
	}
	if s.Trace != "" {
		extra = append(extra, "TRACEPARENT="+s.Trace)
	}
	return supervise.Environ(s.Allow, extra...)
}
