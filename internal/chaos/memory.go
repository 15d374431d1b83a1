package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// memoryRoot is where memory cgroups (version 1) are made.
const memoryRoot = "/sys/fs/cgroup/memory"

// confined is the memory of a confined task, in bytes: enough for the interpreter.
const confined = 64 << 20

// canConfine tells whether a memory cgroup can be made here.
func canConfine() bool {
	dir, err := os.MkdirTemp(memoryRoot, "agata-probe-")
	if err != nil {
		return false
	}
	defer os.Remove(dir) // a group is removed with its files
	return os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte(strconv.Itoa(confined)), 0o600) == nil
}

// confine puts a task and its shim into a memory cgroup of their own, as a
// container that is short of memory does: the kernel kills what grows.
func (f *faultRun) confine(l Live) error {
	dir, err := os.MkdirTemp(memoryRoot, "agata-chaos-")
	if err != nil {
		return fmt.Errorf("make a memory cgroup: %w", err)
	}
	f.group = dir
	if err := os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte(strconv.Itoa(confined)), 0o600); err != nil {
		return fmt.Errorf("limit a memory cgroup: %w", err)
	}
	for _, pid := range []string{strconv.Itoa(l.Parent), strconv.Itoa(l.PID)} {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(pid), 0o600); err != nil {
			return fmt.Errorf("confine process %s: %w", pid, err)
		}
	}
	return nil
}

// release removes the memory cgroup, when what was in it has ended.
func (f *faultRun) release() {
	for range 100 {
		if f.group == "" || os.Remove(f.group) == nil {
			f.group = ""
			return
		}
		time.Sleep(20 * time.Millisecond) // the shim may still be on its way out
	}
}
