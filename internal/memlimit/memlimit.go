// Package memlimit finds how much memory the machine's owner gives this process: the
// limit of its control group. The Go runtime does not look for itself, and would let
// the kernel kill a process that it could have kept small by collecting sooner.
package memlimit

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Find returns the least memory limit of the control groups that hold this process,
// of version 1 or 2, in bytes; found is false if there is none.
func Find() (bytes int64, found bool, err error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	bytes, found = find(string(groups), "/sys/fs/cgroup")
	return bytes, found, nil
}

// unlimited is more than any machine has; version 1 says some such number for none.
const unlimited = 1 << 60

// find reads the limits below root of the groups that /proc/self/cgroup names.
func find(groups, root string) (least int64, found bool) {
	least = unlimited
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := root, "memory.max"
		switch {
		case parts[0] == "0" && parts[1] == "":
		case parts[1] == "memory":
			base, file = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		default:
			continue
		}
		// A group's limit holds for those below it. In a container its own is the root.
		for path := filepath.Clean("/" + parts[2]); ; path = filepath.Dir(path) {
			if text, err := os.ReadFile(filepath.Join(base, path, file)); err == nil {
				if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
					least = min(least, n)
				}
			}
			if path == "/" {
				break
			}
		}
	}
	return least, least < unlimited
}
