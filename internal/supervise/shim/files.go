package shim

import (
	"errors"
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

	Scratch string   // the task's own folder for temporary files
	Cgroup  string   // absolute path of the cgroup that it runs in; "": the shim's
	Account []uint32 // uid, gid and further groups that it runs as; empty: the shim's
}

// Limits bounds a task. A zero field means: no limit of ours.
type Limits struct {
	LogBytes     int64  // kept on disk for each of stdout, stderr and reports
	OpenFiles    uint64 // RLIMIT_NOFILE
	AddressSpace uint64 // RLIMIT_AS, bytes
	Nice         int    // added to the scheduling nice value, 1..19
	OOMScoreAdj  int    // 1..1000: killed before others when memory ends

	Memory     int64 // bytes of the task with all its processes: its cgroup's
	CPUPercent int   // of one core, of all its processes: its cgroup's
	Processes  int64 // with threads: its cgroup's; the shim sets RLIMIT_NPROC, which counts an account's
	FileBytes  int64 // RLIMIT_FSIZE
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
	ReasonExited        = "exited"
	ReasonExitNonzero   = "exit_nonzero"
	ReasonSignaled      = "signaled"
	ReasonOOMKilled     = "oom_killed"
	ReasonLimitExceeded = "limit_exceeded"
	ReasonStopped       = "stopped"
	ReasonLost          = "lost"
	ReasonStartFailed   = "start_failed"
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
	Memory   int64         `json:"memory_limit"` // oom_killed: the limit in bytes that it passed; 0: the machine's memory ended
	Left     int           `json:"left"`         // processes that even SIGKILL did not end in time
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended"`
}

// writeFile replaces a file in one step. It is not synced: what it describes are
// processes of this boot, and a crash of the machine ends them anyway.
func writeFile(path string, data []byte) error {
	temp := path + ".tmp"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// exitRoom is more than an exit takes, in bytes.
const exitRoom = 4 << 10

// reserveExit takes the room that the exit will need, so that a disk which is full
// by then does not swallow how the task ended.
func reserveExit(folder string) error {
	return os.WriteFile(ExitPath(folder)+".tmp", make([]byte, exitRoom), 0o600)
}

// writeOver is writeFile in the room that is reserved, if there is any.
func writeOver(path string, data []byte) error {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Truncate(int64(len(data)))
	}
	if err = errors.Join(err, f.Close()); err != nil {
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
