package shim

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"
)

// lowered says what of an interpreter's rank was lowered while it imports: that must
// not disturb those that have a task. Nothing is lowered that cannot be raised again.
type lowered struct {
	nice  int  // what its threads are to have
	niced bool // and do not have
	group bool // the session's rank, where the kernel shares processor time by sessions
}

// lowNice gives an interpreter a tenth of the time that a task gets beside it.
const lowNice = 10

var errRank = errors.New("its rank cannot be raised again")

func lower(pid int, limits Limits) (l lowered) {
	if l.nice = niceOf(); limits.Nice > 0 {
		l.nice = limits.Nice
	}
	l.niced = reversible(l.nice) && syscall.Setpriority(syscall.PRIO_PROCESS, pid, lowNice) == nil
	l.group = putText(pid, "autogroup", itoa(lowNice)) == nil
	return l
}

// raise gives the interpreter the rank that a task is born with.
func (l lowered) raise(pid int) error {
	if l.niced {
		for _, thread := range threads(pid) { // imports may have started some
			if err := syscall.Setpriority(syscall.PRIO_PROCESS, thread, l.nice); err != nil && err != syscall.ESRCH {
				return errRank
			}
		}
	}
	if !l.group {
		return nil
	}
	for range 20 { // the kernel takes few such changes a second
		if putText(pid, "autogroup", "0") == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errRank
}

// niceOf is this thread's nice value.
func niceOf() int {
	const self = 0
	n, _, errno := syscall.RawSyscall(syscall.SYS_GETPRIORITY, syscall.PRIO_PROCESS, self, 0)
	if errno != 0 {
		return 0
	}
	return 20 - int(n) // as the kernel tells it
}

// reversible tries on a thread, which ends with it, whether a raised nice value may
// be lowered again.
func reversible(nice int) bool {
	answer := make(chan bool)
	go func() {
		runtime.LockOSThread() // and never unlocked
		const self = 0
		up := syscall.Setpriority(syscall.PRIO_PROCESS, self, lowNice)
		answer <- up == nil && syscall.Setpriority(syscall.PRIO_PROCESS, self, nice) == nil
	}()
	return <-answer
}

// putText writes to one of the kernel's files about a process.
func putText(pid int, name, text string) error {
	// Straight to the system call: os.OpenFile would set up the poller first.
	fd, err := syscall.Open("/proc/"+itoa(pid)+"/"+name, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = syscall.Write(fd, []byte(text))
	return errors.Join(err, syscall.Close(fd))
}

func threads(pid int) (ids []int) {
	dir, err := os.Open("/proc/" + itoa(pid) + "/task")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if id, ok := parseInt(name); ok {
			ids = append(ids, int(id))
		}
	}
	return ids
}
