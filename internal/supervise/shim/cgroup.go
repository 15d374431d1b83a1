package shim

import (
	"os"
	"syscall"
)

// The task's cgroup, where it has one. The manager made it, with its limits; the
// task was born in it; whoever sees its end removes it.

// killCgroup kills every process in a cgroup, those that fork meanwhile too
// (Linux 5.14; before, the file is not there).
func killCgroup(path string) {
	if path == "" {
		return
	}
	// Straight to the system calls: the file must not be made where it is missing.
	fd, err := syscall.Open(path+"/cgroup.kill", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_, _ = syscall.Write(fd, []byte{'1'})
	_ = syscall.Close(fd)
}

// passedMemory says whether the kernel killed processes of a cgroup because the
// cgroup had reached its own limit, or had to because the machine's memory ended.
func passedMemory(path string) (killed, ownLimit bool) {
	if path == "" {
		return false, false
	}
	events := path + "/memory.events"
	return counter(events, "oom_kill") > 0, counter(events, "oom") > 0
}

// removeCgroup removes an empty cgroup. A manager looks after one that is not.
func removeCgroup(path string) {
	if path != "" {
		_ = os.Remove(path)
	}
}
