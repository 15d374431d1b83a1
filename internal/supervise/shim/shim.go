// Package shim is the small process that stands between a manager and one task.
//
// A task must outlive the manager that started it, keep its exit status when
// nobody watches, and never block on somebody's pipe. So the manager re-executes
// its own binary as a shim, one a task. The shim leads its own session, adopts
// every orphan of the task (it is a child subreaper), gives the task files as
// standard output and error, waits, and leaves exit.json behind. If the shim
// dies, the kernel kills the task with it.
//
// The shim runs inside this package's init and exits there: Go initialises ready
// packages in the order of their import paths, so that with light imports this
// init comes before those of the big libraries that the binary links. Importing
// this package is all a binary has to do. Linux 5.4 or later.
package shim

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// Arg is the one argument that makes a binary a shim. No command-line parser sees
// it.
const Arg = "__agata-shim"

// ordersFD is the socket on which a shim gets its order, beside 0, 1 and 2: one
// message with OrderStart and the folder of the execution, and three files with it,
// in this order: the shim's log, the write end of a pipe for one Status, and the
// spec, which stays locked for as long as the shim lives. Its other end closed
// without an order: the manager is gone, or needs no shim.
//
// Before, it may get the same with OrderHeat: then the spec is that of an
// interpreter, which the shim starts, and which becomes the task of the next order.
const ordersFD = 3

// What an order begins with.
const (
	OrderStart   = "start "
	OrderHeat    = "heat "
	OrderHeatLow = "heat-low " // at a low rank, since tasks run
)

const prSetChildSubreaper = 36

func init() {
	if len(os.Args) != 2 || os.Args[1] != Arg {
		return
	}
	// The parent-death signal of the task is tied to the thread that starts it, so
	// that thread must stay for the whole of it.
	runtime.LockOSThread()
	what, folder, status, ok := order()
	var warm *interpreter
	if ok && (what == OrderHeat || what == OrderHeatLow) {
		warm = heat(folder, status, what == OrderHeatLow)
		what, folder, status, ok = order()
	}
	if !ok || what != OrderStart {
		if warm != nil {
			warm.end()
		}
		syscall.Exit(0)
	}
	_ = syscall.Close(ordersFD)
	syscall.Exit(run(folder, status, warm)) // at once: no exit hook here is worth a wait
}

// order waits for the shim's order.
func order() (what, folder string, status *os.File, ok bool) {
	text, rights := make([]byte, 4096), make([]byte, syscall.CmsgSpace(3*4))
	n, m, _, _, err := syscall.Recvmsg(ordersFD, text, rights, syscall.MSG_CMSG_CLOEXEC)
	for err == syscall.EINTR {
		n, m, _, _, err = syscall.Recvmsg(ordersFD, text, rights, syscall.MSG_CMSG_CLOEXEC)
	}
	if err != nil || n == 0 {
		return "", "", nil, false
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:m])
	if err != nil || len(messages) != 1 {
		return "", "", nil, false
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 3 {
		return "", "", nil, false
	}
	// The lock, fds[2], stays open and is never touched.
	if err := syscall.Dup3(fds[0], 2, 0); err != nil {
		return "", "", nil, false
	}
	what, folder, _ = cut(string(text[:n]), ' ')
	return what + " ", folder, os.NewFile(uintptr(fds[1]), "status"), true
}

// run is a shim's life once it has its order. warm is the interpreter that becomes
// the task, nil for a task that is to be exec'd.
func run(folder string, status *os.File, warm *interpreter) int {
	// Everything is caught, nothing ignored: an ignored signal would stay
	// ignored in the task.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, KillSignal)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		return refuse(folder, status, "become a subreaper", errno)
	}
	spec, err := ReadSpec(folder)
	if err != nil {
		return refuse(folder, status, "read the spec", err)
	}
	outputs, err := openOutputs(folder)
	if err != nil {
		return refuse(folder, status, "open the output files", err)
	}

	if err := reserveExit(folder); err != nil {
		return refuse(folder, status, "make room for its end", err)
	}

	var task int
	if warm == nil {
		if task, err = start(spec, outputs); err != nil {
			return refuse(folder, status, "exec "+spec.Path, err)
		}
	} else if err = warm.prepare(spec); err != nil {
		return refuse(folder, status, "give a task to a warm interpreter", err)
	} else {
		task = warm.pid
	}
	oomBefore := oomKills("")
	record := Record{BootID: BootID(), Shim: Self(), Task: Identify(task), Started: time.Now()}
	record.Task.PID = task
	if err := writeFile(RecordPath(folder), record.appendJSON(nil)); err != nil {
		// Without a record no manager could ever find this task again.
		_ = syscall.Kill(-task, syscall.SIGKILL)
		return refuse(folder, status, "write the record", err)
	}
	if warm != nil { // only now: what no record names must not run
		if err := warm.begin(); err != nil {
			return refuse(folder, status, "give a task to a warm interpreter", err)
		}
	}
	_, _ = status.Write(Status{Record: record}.appendJSON(nil))
	_ = status.Close()

	if spec.Limits.LogBytes > 0 {
		go boundFiles(outputs, spec.Limits.LogBytes)
	}
	exit := newTender(task, spec.Cgroup, spec.Grace, spec.Linger).tend(signals)
	exit.Started, exit.Ended = record.Started, time.Now()
	exit.blame(spec, oomBefore, oomKills(""))
	removeCgroup(spec.Cgroup)
	if err := WriteExit(folder, exit); err != nil {
		return 1
	}
	return 0
}

// refuse reports a start that failed, to the manager if it still listens and to
// the folder for the next one.
func refuse(folder string, status *os.File, stage string, cause error) int {
	now := time.Now()
	exit := Exit{Reason: ReasonStartFailed, Error: stage + ": " + cause.Error(), Started: now, Ended: now}
	_ = WriteExit(folder, exit)
	errno, _ := cause.(syscall.Errno)
	_, _ = status.Write(Status{Error: exit.Error, Errno: int(errno)}.appendJSON(nil))
	return 1
}
