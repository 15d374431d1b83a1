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

// Arg is the first argument that makes a binary a shim; the second is the folder
// of the execution. No command-line parser sees either.
const Arg = "__agata-shim"

// File descriptors that a manager hands to a shim, beside 0, 1 and 2.
const (
	statusFD = 3 // the write end of a pipe: one Status, then closed
	lockFD   = 4 // the spec, locked for as long as the shim lives
)

const prSetChildSubreaper = 36

func init() {
	if len(os.Args) == 3 && os.Args[1] == Arg {
		syscall.Exit(run(os.Args[2])) // at once: no exit hook here is worth a wait
	}
}

// run is a shim's life. The parent-death signal of the task is tied to the
// thread that starts it, so that thread must stay for the whole of it.
func run(folder string) int {
	runtime.LockOSThread()
	syscall.CloseOnExec(statusFD)
	syscall.CloseOnExec(lockFD)
	status := os.NewFile(statusFD, "status")

	// Everything is caught, nothing ignored: an ignored signal would stay
	// ignored in the task.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
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

	task, err := start(spec, outputs)
	if err != nil {
		return refuse(folder, status, "exec "+spec.Path, err)
	}
	oomBefore := oomKills("")
	record := Record{BootID: BootID(), Shim: Self(), Task: Identify(task), Started: time.Now()}
	record.Task.PID = task
	applyLimits(task, spec.Limits)
	if err := writeFile(RecordPath(folder), record.appendJSON(nil)); err != nil {
		// Without a record no manager could ever find this task again.
		_ = syscall.Kill(-task, syscall.SIGKILL)
		return refuse(folder, status, "write the record", err)
	}
	_, _ = status.Write(Status{Record: record}.appendJSON(nil))
	_ = status.Close()

	if spec.Limits.LogBytes > 0 {
		go boundFiles(outputs, spec.Limits.LogBytes)
	}
	exit := newTender(task, spec.Grace, spec.Linger).tend(signals)
	exit.Started, exit.Ended = record.Started, time.Now()
	exit.Reason = blame(exit, oomBefore, oomKills(""))
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
