package shim

import (
	"os"
	"syscall"
	"unsafe"
)

// start execs the task in a process group of its own and returns its pid once
// the exec has succeeded.
func start(spec Spec, outputs []*os.File) (int, error) {
	null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(null)
	return syscall.ForkExec(spec.Path, spec.Argv, &syscall.ProcAttr{
		Dir:   spec.Dir,
		Env:   spec.Env,
		Files: []uintptr{uintptr(null), outputs[0].Fd(), outputs[1].Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
}

// applyLimits sets what the kernel lets us set on the task from outside. That is
// microseconds after its exec; it is best effort, like every limit by courtesy.
func applyLimits(pid int, l Limits) {
	setLimit := func(resource uintptr, value uint64) {
		if value == 0 {
			return
		}
		limit := syscall.Rlimit{Cur: value, Max: value}
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), resource,
			uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	}
	setLimit(syscall.RLIMIT_NOFILE, l.OpenFiles)
	setLimit(syscall.RLIMIT_AS, l.AddressSpace)
	if l.Nice > 0 {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, l.Nice)
	}
	if l.OOMScoreAdj > 0 {
		_ = os.WriteFile("/proc/"+itoa(pid)+"/oom_score_adj", []byte(itoa(l.OOMScoreAdj)), 0)
	}
}
