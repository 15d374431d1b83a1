package supervise

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// limits completes those of a Spec by the manager's, and settles who enforces
// them: a cgroup where there is one, else the kernel's limits of single processes
// as far as these mean the same.
func (m *Manager) limits(l Limits) Limits {
	def := m.opts.Limits
	l.LogBytes = cmp.Or(l.LogBytes, m.opts.LogBytes)
	l.OpenFiles = cmp.Or(l.OpenFiles, def.OpenFiles)
	l.AddressSpace = cmp.Or(l.AddressSpace, def.AddressSpace)
	l.Nice = cmp.Or(l.Nice, def.Nice)
	l.OOMScoreAdj = cmp.Or(l.OOMScoreAdj, def.OOMScoreAdj)
	l.Memory = cmp.Or(l.Memory, def.Memory)
	l.CPUPercent = cmp.Or(l.CPUPercent, def.CPUPercent)
	l.Processes = cmp.Or(l.Processes, def.Processes)
	l.FileBytes = cmp.Or(l.FileBytes, def.FileBytes)
	return l
}

// Controllers names those of the kernel that keep limits of whole tasks.
func Controllers(l Limits) (names []string) {
	if l.Memory > 0 {
		names = append(names, controlMemory)
	}
	if l.CPUPercent > 0 {
		names = append(names, controlCPU)
	}
	if l.Processes > 0 {
		names = append(names, controlPids)
	}
	return names
}

// findCgroups looks, once a manager, for what the limits need, and says what it
// found, and what is done instead.
func (m *Manager) findCgroups(l Limits) {
	wanted := Controllers(l)
	if len(wanted) == 0 {
		return
	}
	found, err := FindCgroups("", wanted)
	if err == nil {
		err = found.enable()
	}
	if err == nil {
		m.cgroups = found
	} else {
		m.log.Warn("tasks get no cgroup", "why", err)
	}
	instead := func(controller string, limit int64, what string) {
		if limit > 0 && !m.cgroups.Controls(controller) {
			m.log.Warn("a limit of tasks is not kept by a cgroup", "controller", controller, "instead", what)
		}
	}
	instead(controlMemory, l.Memory, "memory_mb bounds the address space of each process, which is more than the memory that it uses")
	instead(controlCPU, int64(l.CPUPercent), "cpu_percent is not kept")
	if m.opts.Account != nil {
		instead(controlPids, l.Processes, "processes bounds all processes of the account "+m.opts.Account.Name)
	} else {
		instead(controlPids, l.Processes, "processes is not kept")
	}
}

// confine makes what a process runs in: its folder for temporary files, and its
// cgroup.
func (m *Manager) confine(spec *shim.Spec) (err error) {
	// Not in the execution's folder: sockets lie in it, whose paths may have 107 bytes.
	if spec.Scratch, err = os.MkdirTemp("", "agata-"); err != nil {
		return fmt.Errorf("make a folder for temporary files: %w", err)
	}
	spec.Env = setEnv(spec.Env, "TMPDIR="+spec.Scratch)
	if m.opts.Account != nil {
		if err := errors.Join(m.opts.Account.Own(spec.Scratch), m.opts.Account.Reach(spec.Scratch)); err != nil {
			return err
		}
		spec.Env = setEnv(spec.Env, "HOME="+spec.Scratch, "USER="+m.opts.Account.Name, "LOGNAME="+m.opts.Account.Name)
	}
	l := &spec.Limits
	if c := m.cgroups; c != nil && (l.Memory > 0 || l.CPUPercent > 0 || l.Processes > 0) {
		if spec.Cgroup, err = c.create(spec.ID, *l); err != nil {
			spec.Cgroup = ""
			return err
		}
	}
	if !m.cgroups.Controls(controlMemory) && l.Memory > 0 && l.AddressSpace == 0 {
		l.AddressSpace = uint64(l.Memory)
	}
	if m.cgroups.Controls(controlPids) || m.opts.Account == nil {
		l.Processes = 0 // RLIMIT_NPROC counts all of an account, and does not bind root
	}
	return nil
}

// admit lets the account of tasks through to an execution's files.
func (m *Manager) admit(folder string) error {
	if m.opts.Account == nil {
		return nil
	}
	if err := os.Chmod(folder, 0o711); err != nil {
		return err
	}
	reports := shim.ReportsPath(folder)
	if err := m.opts.Account.Own(shim.StdoutPath(folder), shim.StderrPath(folder), reports); err != nil {
		return err
	}
	return m.opts.Account.Reach(reports)
}

// unconfine takes away what confine made. What is left in the cgroup is killed.
func (m *Manager) unconfine(spec shim.Spec) {
	if name := filepath.Base(spec.Cgroup); name == "agata-task-"+spec.ID || strings.HasPrefix(name, "agata-task-"+warmMark) {
		if err := endCgroup(spec.Cgroup, goneBound); err != nil {
			m.log.Warn("a task's cgroup is left behind", "id", spec.ID, "err", err)
		}
	}
	if spec.Scratch != "" {
		if err := os.RemoveAll(spec.Scratch); err != nil {
			m.log.Warn("a task's temporary files are left behind", "id", spec.ID, "err", err)
		}
	}
}
