package shim

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

const (
	// rekill is how often SIGKILL is repeated to what forked meanwhile.
	rekill = 50 * time.Millisecond
	// killBound is how long a killed process may take to go; only one that hangs
	// in the kernel takes longer, and waiting for it would help nobody.
	killBound = 5 * time.Second
)

// KillSignal tells a shim to end its task without grace. One that is too old to
// know it dies of it, and its task with it.
const KillSignal = syscall.SIGQUIT

// tender waits for a task and for all that it left behind.
//
//	running --SIGTERM to the shim--> stopping: SIGTERM to the group, grace
//	running --leader exits---------> lingering: SIGTERM to what is left, linger
//	stopping, lingering --time up--> killing: SIGKILL to group and children
//	any --KillSignal to the shim---> killing
//	any --leader reaped and no child left--> over
//
// Every descendant whose parent dies becomes the shim's own child, so killing
// children until there are none reaches those with their own sessions as well.
type tender struct {
	task          int
	cgroup        string
	grace, linger time.Duration

	timer    *time.Timer
	stopping bool // a stop was asked for while the leader lived
	killing  bool // the time is up
	reaped   bool // the leader is gone and waited for: its group's id may be reused
	told     bool // what the leader left behind has been asked to go
	giveUp   time.Time
	exit     Exit
}

func newTender(task int, cgroup string, grace, linger time.Duration) *tender {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &tender{task: task, cgroup: cgroup, grace: grace, linger: linger, timer: timer}
}

func (t *tender) tend(signals <-chan os.Signal) Exit {
	for {
		if t.reap() {
			return t.exit
		}
		if t.killing {
			t.killAll()
			if time.Now().After(t.giveUp) {
				t.exit.Left = len(children())
				return t.exit
			}
		}
		select {
		case sig := <-signals:
			switch {
			case sig == syscall.SIGTERM && !t.stopping && !t.reaped:
				t.stopping = true
				t.signalGroup(syscall.SIGTERM)
				t.timer.Reset(t.grace)
			case sig == KillSignal && !t.killing:
				t.stopping = t.stopping || !t.reaped
				t.timer.Reset(0)
			}
		case <-t.timer.C:
			if !t.killing {
				t.killing = true
				t.giveUp = time.Now().Add(killBound)
			}
			t.timer.Reset(rekill)
		}
	}
}

// reap waits for every zombie there is and says whether all is over.
func (t *tender) reap() bool {
	for {
		pid, err := peekZombie()
		if err == syscall.ECHILD {
			return t.reaped
		}
		if err != nil || pid == 0 {
			if t.reaped && !t.told { // those in other groups
				t.told = true
				for _, child := range children() {
					_ = syscall.Kill(child, syscall.SIGTERM)
				}
			}
			return false
		}
		if pid == t.task && !t.stopping && !t.killing {
			// Still a zombie, so the group's id is still ours.
			t.signalGroup(syscall.SIGTERM)
			t.timer.Reset(t.linger)
		}
		var status syscall.WaitStatus
		var usage syscall.Rusage
		if _, err := syscall.Wait4(pid, &status, 0, &usage); err != nil || pid != t.task {
			continue
		}
		t.reaped = true
		t.exit = t.describe(status, usage)
	}
}

// signalGroup signals the task's group, and lets its stopped members see it.
func (t *tender) signalGroup(sig syscall.Signal) {
	_ = syscall.Kill(-t.task, sig)
	_ = syscall.Kill(-t.task, syscall.SIGCONT)
}

func (t *tender) killAll() {
	if !t.reaped {
		_ = syscall.Kill(-t.task, syscall.SIGKILL)
	}
	killCgroup(t.cgroup)
	// Only this thread reaps, so a child's pid cannot change hands under us.
	for _, child := range children() {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
}

func (t *tender) describe(status syscall.WaitStatus, usage syscall.Rusage) Exit {
	exit := Exit{
		Code:     status.ExitStatus(),
		UserTime: time.Duration(usage.Utime.Nano()),
		SysTime:  time.Duration(usage.Stime.Nano()),
		MaxRSS:   usage.Maxrss * 1024,
	}
	if status.Signaled() {
		exit.Signal, exit.Core = int(status.Signal()), status.CoreDump()
	}
	switch {
	case t.stopping:
		exit.Reason = ReasonStopped
	case exit.Signal == int(syscall.SIGXCPU), exit.Signal == int(syscall.SIGXFSZ):
		exit.Reason = ReasonLimitExceeded
	case exit.Signal != 0:
		exit.Reason = ReasonSignaled
	case exit.Code != 0:
		exit.Reason = ReasonExitNonzero
	default:
		exit.Reason = ReasonExited
	}
	return exit
}

// peekZombie finds an ended child and leaves it unreaped; 0 when all run.
func peekZombie() (int, error) {
	const pAll, wExited, wNoWait = 0, 0x4, 0x1000000
	var info struct {
		signo, errno, code int32
		_                  int32
		pid                int32
		_                  [108]byte
	}
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pAll, 0, uintptr(unsafe.Pointer(&info)),
			wExited|wNoWait|syscall.WNOHANG, 0, 0)
		switch errno {
		case 0:
			return int(info.pid), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// children lists the shim's living children, adopted ones included. It reads all
// of /proc, and is asked only when something outlived the leader or a grace.
func children() []int {
	self := os.Getpid()
	var found []int
	for _, pid := range Processes() {
		if stat, err := ReadStat(pid); err == nil && stat.Parent == self && !stat.Dead() {
			found = append(found, pid)
		}
	}
	return found
}
