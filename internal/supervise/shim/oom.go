package shim

import (
	"os"
	"syscall"
)

// oomKills counts the processes that the kernel has killed for want of memory, as
// closely around this process as it can be read: its own cgroup, else the whole
// machine. root is "", or a tree made for a test. -1: nothing is readable.
func oomKills(root string) int64 {
	membership, _ := os.ReadFile(root + "/proc/self/cgroup")
	for rest := string(membership); rest != ""; {
		line, after, _ := cut(rest, '\n')
		rest = after
		_, line, _ = cut(line, ':') // the hierarchy's number
		controller, path, found := cut(line, ':')
		switch {
		case found && controller == "": // version 2
			path = root + "/sys/fs/cgroup" + path + "/memory.events"
		case controller == "memory":
			path = root + "/sys/fs/cgroup/memory" + path + "/memory.oom_control"
		default:
			continue
		}
		if n := counter(path, "oom_kill"); n >= 0 {
			return n
		}
	}
	return counter(root+"/proc/vmstat", "oom_kill")
}

// blame finds out whether memory ended a task: SIGKILL that nobody here sent (a
// stop would be called one), and the task's cgroup counts such a killing or, if
// it has none that counts, the count around the task has gone up meanwhile.
func (e *Exit) blame(spec Spec, before, after int64) {
	if e.Reason != ReasonSignaled || e.Signal != int(syscall.SIGKILL) {
		return
	}
	killed, ownLimit := passedMemory(spec.Cgroup)
	if killed || before >= 0 && after > before {
		e.Reason = ReasonOOMKilled
	}
	if killed && ownLimit {
		e.Memory = spec.Limits.Memory
	}
}

// counter reads one "name value" line of a file; -1 without it.
func counter(path, name string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return -1
	}
	for rest := string(data); rest != ""; {
		line, after, _ := cut(rest, '\n')
		rest = after
		if word(&line) != name {
			continue
		}
		if n, ok := parseInt(line); ok {
			return n
		}
	}
	return -1
}
