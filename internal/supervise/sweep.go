package supervise

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// sweep kills what a dead shim left of an execution. Its task has died with it,
// but deeper descendants have not; they are known by the environment they
// inherited. It returns how many it could not end in time.
func sweep(folder, id string, bound time.Duration) int {
	marks := [][]byte{
		[]byte(EnvExecutionID + "=" + id + "\x00"),
		[]byte(EnvReports + "=" + shim.ReportsPath(folder) + "\x00"), // two managers may use the same id
	}
	deadline := time.Now().Add(bound)
	for {
		found := marked(marks)
		if len(found) == 0 {
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
	}
}

// marked opens the processes whose environment holds all marks. The handle comes
// first, so that what is read afterwards is about the process it holds.
func marked(marks [][]byte) []*pidfd {
	var found []*pidfd
	for _, pid := range shim.Processes() {
		if pid == os.Getpid() || !carries(pid, marks) {
			continue
		}
		handle, err := openPidfd(pid)
		if err != nil {
			continue
		}
		if !carries(pid, marks) {
			handle.close()
			continue
		}
		found = append(found, handle)
	}
	return found
}

func carries(pid int, marks [][]byte) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ") // empty for a zombie
	if err != nil {
		return false
	}
	for _, mark := range marks {
		if !bytes.HasPrefix(env, mark) && !bytes.Contains(env, append([]byte{0}, mark...)) {
			return false
		}
	}
	return true
}
