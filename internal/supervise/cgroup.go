package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// leafCgroup is where the processes of AGATA itself move: a cgroup that hands
// controllers to others may hold no process itself. A unit file names it as
// DelegateSubgroup.
const leafCgroup = "agata-manager"

// The controllers that limits need.
const (
	controlMemory = "memory"
	controlCPU    = "cpu"
	controlPids   = "pids"
)

// Cgroups is a part of the machine's tree of cgroups (version 2) that belongs to
// this process: tasks get one each below it, with limits of their own.
type Cgroups struct {
	base        string   // folder in which the tasks' cgroups are made
	controllers []string // that limit them
}

// FindCgroups looks for the part of the tree that was delegated to this process,
// with those of the wanted controllers that are there. It changes nothing. The
// error says why there is no such part, and what would help. root is "", or a
// folder made for a test.
func FindCgroups(root string, wanted []string) (*Cgroups, error) {
	base, whole, err := ownCgroup(root)
	if err != nil {
		return nil, err
	}
	if filepath.Base(base) == leafCgroup {
		base = filepath.Dir(base)
	} else if !whole && !delegated(base) {
		return nil, fmt.Errorf("the cgroup %s was not delegated: set Delegate=yes and DelegateSubgroup=%s in the unit of AGATA", base, leafCgroup)
	}
	for _, path := range []string{base, filepath.Join(base, "cgroup.procs"), filepath.Join(base, "cgroup.subtree_control")} {
		if err := unix.Access(path, unix.W_OK); err != nil {
			return nil, fmt.Errorf("the cgroup %s cannot be changed by this account: %w", base, err)
		}
	}
	there, err := words(filepath.Join(base, "cgroup.controllers"))
	if err != nil {
		return nil, fmt.Errorf("read the controllers of a cgroup: %w", err)
	}
	c := &Cgroups{base: base}
	for _, name := range wanted {
		if slices.Contains(there, name) {
			c.controllers = append(c.controllers, name)
		}
	}
	if len(c.controllers) == 0 {
		return nil, fmt.Errorf("the cgroup %s has none of the controllers %s: they are not delegated, or held by cgroups of version 1", base, strings.Join(wanted, ", "))
	}
	return c, nil
}

// ownCgroup is the folder of this process's cgroup of version 2; whole tells that
// it is the root of the tree, or of all of it that can be seen from here.
func ownCgroup(root string) (folder string, whole bool, err error) {
	missing := errors.New("there is no tree of cgroups of version 2: mount one, or start the machine with systemd.unified_cgroup_hierarchy=1")
	membership, err := os.ReadFile(root + "/proc/self/cgroup")
	if err != nil {
		return "", false, missing
	}
	var path string
	for line := range strings.Lines(string(membership)) {
		if rest, ok := strings.CutPrefix(line, "0::"); ok {
			path = strings.TrimSpace(rest)
		}
	}
	mounts, err := os.ReadFile(root + "/proc/self/mountinfo")
	if err != nil || path == "" {
		return "", false, missing
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if !strings.HasPrefix(after, "cgroup2 ") || len(fields) < 5 {
			continue
		}
		below, err := filepath.Rel(fields[3], path)
		if err != nil || !filepath.IsLocal(below) {
			continue // a part of the tree in which this process is not
		}
		return filepath.Join(root+fields[4], below), below == ".", nil
	}
	return "", false, missing
}

// delegated asks for the mark that systemd leaves.
func delegated(folder string) bool {
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		value := make([]byte, 8)
		if n, err := unix.Getxattr(folder, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// enable hands the controllers on to the cgroups below. For that it moves this
// process, and those beside it, into a cgroup of their own.
func (c *Cgroups) enable() error {
	control := filepath.Join(c.base, "cgroup.subtree_control")
	on, err := words(control)
	if err != nil {
		return fmt.Errorf("read the controllers of a cgroup: %w", err)
	}
	var add []string
	for _, name := range c.controllers {
		if !slices.Contains(on, name) {
			add = append(add, "+"+name)
		}
	}
	if len(add) == 0 {
		return nil
	}
	// Only the root of the whole tree may have both, and only it has no type.
	if _, err := os.Stat(filepath.Join(c.base, "cgroup.type")); err == nil {
		if err := c.empty(); err != nil {
			return err
		}
	}
	if err := put(control, strings.Join(add, " ")); err != nil {
		return fmt.Errorf("hand on controllers of the cgroup %s: %w", c.base, err)
	}
	return nil
}

// empty moves the processes of the base into the leaf.
func (c *Cgroups) empty() error {
	leaf := filepath.Join(c.base, leafCgroup)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make a cgroup for AGATA itself: %w", err)
	}
	for range 10 { // new ones may be born meanwhile
		pids, err := words(filepath.Join(c.base, "cgroup.procs"))
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := put(filepath.Join(leaf, "cgroup.procs"), pid); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("move process %s into the cgroup %s: %w", pid, leaf, err)
			}
		}
	}
	return fmt.Errorf("the processes of the cgroup %s do not stop multiplying", c.base)
}

// Missing are the wanted controllers that limit nothing here.
func (c *Cgroups) Missing(wanted []string) (missing []string) {
	for _, name := range wanted {
		if !c.Controls(name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Controls says whether the cgroups of tasks are limited by a controller. A nil
// Cgroups controls nothing.
func (c *Cgroups) Controls(name string) bool { return c != nil && slices.Contains(c.controllers, name) }

// create makes the cgroup of an execution.
func (c *Cgroups) create(id string, l Limits) (path string, err error) {
	path = filepath.Join(c.base, "agata-task-"+id)
	if err := os.Mkdir(path, 0o755); err != nil {
		return "", fmt.Errorf("make a cgroup: %w", err)
	}
	if err := c.limit(path, l); err != nil {
		return "", errors.Join(fmt.Errorf("limit a cgroup: %w", err), os.Remove(path))
	}
	return path, nil
}

// limit writes the limits of a cgroup whose files the kernel has made. With the
// memory comes that nothing is swapped, and that all of the task dies together:
// half a task would hang.
func (c *Cgroups) limit(path string, l Limits) error {
	var settings [][2]string
	add := func(controller string, value int64, file, text string) {
		if value > 0 && c.Controls(controller) {
			settings = append(settings, [2]string{file, text})
		}
	}
	add(controlMemory, l.Memory, "memory.max", strconv.FormatInt(l.Memory, 10))
	add(controlMemory, l.Memory, "memory.oom.group", "1")
	if exists(filepath.Join(path, "memory.swap.max")) { // a kernel may have no swap
		add(controlMemory, l.Memory, "memory.swap.max", "0")
	}
	add(controlCPU, int64(l.CPUPercent), "cpu.max", fmt.Sprintf("%d 100000", l.CPUPercent*1000))
	add(controlPids, l.Processes, "pids.max", strconv.FormatInt(l.Processes, 10))
	for _, s := range settings {
		if err := put(filepath.Join(path, s[0]), s[1]); err != nil {
			return err
		}
	}
	return nil
}

// endCgroup kills what is left in a cgroup and removes it. A killed process may
// take a moment to leave.
func endCgroup(path string, bound time.Duration) error {
	for deadline := time.Now().Add(bound); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Rmdir(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("remove the cgroup %s: %w", path, err)
		}
		_ = put(filepath.Join(path, "cgroup.kill"), "1")
	}
}

// put writes to one of the kernel's files, which are there already.
func put(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

func words(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	return strings.Fields(string(data)), err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
