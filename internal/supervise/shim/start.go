package shim

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// umask keeps what a task writes from other accounts.
const umask = 0o077

// start execs the task in a process group, and a cgroup, of its own and returns
// its pid once the exec has succeeded. Its limits hold before its first
// instruction: the kernel stops it at its exec, as it does for a debugger, and it
// is let go when they are set. Its open files are nothing, its outputs, and more.
func start(spec Spec, outputs []*os.File, more ...*os.File) (int, error) {
	null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(null)
	sys := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Ptrace: true}
	if len(spec.Account) >= 2 {
		sys.Credential = &syscall.Credential{Uid: spec.Account[0], Gid: spec.Account[1], Groups: spec.Account[2:]}
	}
	if spec.Cgroup != "" {
		const oPath = 0x200000
		fd, err := syscall.Open(spec.Cgroup, oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return 0, &os.PathError{Op: "open the cgroup", Path: spec.Cgroup, Err: err}
		}
		defer syscall.Close(fd)
		sys.UseCgroupFD, sys.CgroupFD = true, fd
	}
	syscall.Umask(umask)
	attr := &syscall.ProcAttr{
		Dir:   spec.Dir,
		Env:   spec.Env,
		Files: []uintptr{uintptr(null), outputs[0].Fd(), outputs[1].Fd()},
		Sys:   sys,
	}
	for _, file := range more {
		attr.Files = append(attr.Files, file.Fd())
	}
	pid, err := syscall.ForkExec(spec.Path, spec.Argv, attr)
	if err != nil {
		// Nothing ran. Where tracing is not allowed the limits come a moment late.
		sys.Ptrace = false
		if pid, err = syscall.ForkExec(spec.Path, spec.Argv, attr); err != nil {
			return 0, err
		}
		applyLimits(pid, spec)
		return pid, nil
	}
	release(pid, spec)
	return pid, nil
}

// release sets the limits of a task that waits at its exec, and lets it go. One
// that was killed meanwhile is waited for by those who wait for its end.
func release(pid int, spec Spec) {
	const wNoWait, pPID, wStopped, wExited = 0x1000000, 1, 0x2, 0x4
	for { // peeked, so that an end is not taken from the tender
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), 0, wStopped|wExited|wNoWait, 0, 0)
		if errno != syscall.EINTR {
			break
		}
	}
	applyLimits(pid, spec)
	_ = syscall.PtraceDetach(pid)
}

// applyLimits sets what the kernel lets us set on the task from outside.
func applyLimits(pid int, spec Spec) {
	l := spec.Limits
	if len(spec.Account) >= 2 {
		setAs(spec.Account[0], spec.Account[1], func() { setRlimits(pid, l) })
	} else {
		setRlimits(pid, l)
	}
	if l.Nice > 0 {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, l.Nice)
	}
	if l.OOMScoreAdj > 0 {
		_ = os.WriteFile("/proc/"+itoa(pid)+"/oom_score_adj", []byte(itoa(l.OOMScoreAdj)), 0)
	}
}

// setAs does something as another account, on a thread of its own that ends with
// it. Root may not set the limits of another's process where it lacks
// CAP_SYS_RESOURCE, as it does in containers; the other itself may lower them.
func setAs(uid, gid uint32, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		_, _, errno := syscall.RawSyscall(syscall.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid))
		if errno == 0 {
			_, _, errno = syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
		}
		if errno == 0 {
			do()
		}
	}()
	<-done
}

func setRlimits(pid int, l Limits) {
	const rlimitNproc = 6                  // of every architecture but MIPS and SPARC
	setRlimit(pid, syscall.RLIMIT_CORE, 0) // a core is large, and holds the data that never leaves a client
	for resource, value := range map[uintptr]uint64{
		syscall.RLIMIT_NOFILE: l.OpenFiles, syscall.RLIMIT_AS: l.AddressSpace,
		syscall.RLIMIT_FSIZE: uint64(l.FileBytes), rlimitNproc: uint64(l.Processes),
	} {
		if value > 0 {
			setRlimit(pid, resource, value)
		}
	}
}

// setRlimit lowers a limit; it is never raised.
func setRlimit(pid int, resource uintptr, value uint64) {
	var now syscall.Rlimit
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), resource, 0, uintptr(unsafe.Pointer(&now)), 0, 0)
	if errno == 0 {
		value = min(value, now.Max)
	}
	limit := syscall.Rlimit{Cur: value, Max: value}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), resource, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
}
