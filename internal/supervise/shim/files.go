package shim

import (
	"os"
	"syscall"
	"time"
)

// The files of an execution's folder. The spec is also its lock: whoever starts
// or runs the execution holds flock on it. Each has one writer: the manager makes the
// folder, the spec and the empty outputs; the shim writes the record and
// the exit; the task appends to its outputs.
func SpecPath(folder string) string    { return folder + "/spec" }
func RecordPath(folder string) string  { return folder + "/record.json" }
func ExitPath(folder string) string    { return folder + "/exit.json" }
func StdoutPath(folder string) string  { return folder + "/stdout.log" }
func StderrPath(folder string) string  { return folder + "/stderr.log" }
func ReportsPath(folder string) string { return folder + "/reports.jsonl" }
func ShimLogPath(folder string) string { return folder + "/shim.log" }

// Spec says what a shim starts and how it ends it.
type Spec struct {
	ID     string
	TaskID string
	Labels map[string]string
	Path   string // the executable, absolute
	Argv   []string
	Dir    string
	Env    []string
	Grace  time.Duration // from SIGTERM to SIGKILL in a stop
	Linger time.Duration // what a leader's leftovers get after its own exit
	Limits Limits
}

// Limits bounds a task. A zero field means: no limit of ours.
type Limits struct {
	LogBytes     int64  // kept on disk for each of stdout, stderr and reports
	OpenFiles    uint64 // RLIMIT_NOFILE
	AddressSpace uint64 // RLIMIT_AS, bytes
	Nice         int    // added to the scheduling nice value, 1..19
	OOMScoreAdj  int    // 1..1000: killed before others when memory ends
}

// Record names the two processes of a running execution.
type Record struct {
	BootID  string    `json:"boot_id"`
	Shim    Identity  `json:"shim"`
	Task    Identity  `json:"task"`
	Started time.Time `json:"started"`
}

// Status is the shim's only message to the manager that started it.
type Status struct {
	Record Record `json:"record"`
	Error  string `json:"error"`
	Errno  int    `json:"errno"`
}

// Why an execution ended, as exit.json says it.
const (
	ReasonExited      = "exited"
	ReasonExitNonzero = "exit_nonzero"
	ReasonSignaled    = "signaled"
	ReasonOOMKilled   = "oom_killed"
	ReasonStopped     = "stopped"
	ReasonLost        = "lost"
	ReasonStartFailed = "start_failed"
)

// Exit is the content of exit.json.
type Exit struct {
	Reason   string        `json:"reason"`
	Code     int           `json:"code"`   // -1 when a signal ended the task
	Signal   int           `json:"signal"` // 0 when none did
	Core     bool          `json:"core"`
	Error    string        `json:"error"`   // start_failed and lost: what happened
	UserTime time.Duration `json:"user_ns"` // the leader and what it waited for
	SysTime  time.Duration `json:"sys_ns"`
	MaxRSS   int64         `json:"max_rss_bytes"`
	Left     int           `json:"left"` // processes that even SIGKILL did not end in time
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended"`
}

// WriteFile is for others that keep a file in an execution's folder: it replaces the
// file in one step, and follows no link.
func WriteFile(path string, data []byte) error { return writeFile(path, data) }

// writeFile replaces a file in one step. It is not synced: what it describes are
// processes of this boot, and a crash of the machine ends them anyway.
func writeFile(path string, data []byte) error {
	temp := path + ".tmp"
	if err := createFile(temp, data); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// openOutputs opens what the task writes to. The reports are opened too, to be
// bounded like the rest, though the task opens them by its own.
func openOutputs(folder string) ([]*os.File, error) {
	var files []*os.File
	for _, path := range []string{StdoutPath(folder), StderrPath(folder), ReportsPath(folder)} {
		// Straight to the system call: os.OpenFile would set up the poller first.
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		files = append(files, os.NewFile(uintptr(fd), path))
	}
	return files, nil
}
