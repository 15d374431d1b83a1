package supervise

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// settling is how long a process may show no environment, as it does in the
// middle of an exec and of its end. One that has none for longer has none.
const settling = 250 * time.Millisecond

// sweep kills what a dead shim left of an execution. Its task dies with it, but
// deeper descendants do not; they are known by the environment they inherited.
// It returns how many it could not end in time.
func sweep(folder, id string, bound time.Duration) int {
	marks := [][]byte{
		[]byte(EnvExecutionID + "=" + id + "\x00"),
		[]byte(EnvReports + "=" + shim.ReportsPath(folder) + "\x00"), // two managers may use the same id
	}
	began := time.Now()
	deadline := began.Add(bound)
	for {
		found, unclear := marked(marks)
		if len(found) == 0 && (!unclear || time.Since(began) > settling) {
			return 0
		}
		left := len(found)
		for _, handle := range found {
			_ = handle.signal(syscall.SIGKILL)
		}
		for _, handle := range found {
			if handle.waitFor(time.Until(deadline)) == nil {
				left--
			}
			handle.close()
		}
		if left > 0 || time.Now().After(deadline) {
			return left
		}
		if len(found) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// marked opens the processes whose environment holds all marks, and says whether
// there are others that do not show theirs. The handle comes first, so that what
// is read afterwards is about the process it holds.
func marked(marks [][]byte) (found []*pidfd, unclear bool) {
	for _, pid := range shim.Processes() {
		if pid == os.Getpid() {
			continue
		}
		ours, shown := carries(pid, marks)
		if !shown {
			stat, err := shim.ReadStat(pid)
			unclear = unclear || err == nil && stat.State != 'Z' && !stat.Kernel
		}
		if !ours {
			continue
		}
		handle, err := openPidfd(pid)
		if err != nil {
			continue
		}
		if ours, _ := carries(pid, marks); !ours {
			unclear = true // it may have been in the middle of an exec
			handle.close()
			continue
		}
		found = append(found, handle)
	}
	return found, unclear
}

// carries says whether a process's environment holds all marks, and whether it
// shows one at all: without memory of its own the file is empty, or
// on newer kernels ESRCH. One that belongs to another user is none of ours.
func carries(pid int, marks [][]byte) (ours, shown bool) {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if errors.Is(err, syscall.ESRCH) || err == nil && len(env) == 0 {
		return false, false
	}
	if err != nil {
		return false, true
	}
	for _, mark := range marks {
		if !bytes.HasPrefix(env, mark) && !bytes.Contains(env, append([]byte{0}, mark...)) {
			return false, true
		}
	}
	return true, true
}
