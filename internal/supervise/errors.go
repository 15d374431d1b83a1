package supervise

import (
	"errors"
	"fmt"
	"syscall"
)

// StartErrorKind says why a start failed.
type StartErrorKind string

// The kinds, a closed set.
const (
	KindInvalid             StartErrorKind = "invalid"               // the Spec is wrong
	KindInterpreterNotFound StartErrorKind = "interpreter_not_found" // no such executable, or its #! names none
	KindNotPermitted        StartErrorKind = "not_permitted"         // found, but not ours to execute
	KindFolderMissing       StartErrorKind = "folder_missing"        // Spec.Dir is not a folder
	KindConflict            StartErrorKind = "conflict"              // this ID runs, may run, or was not removed
	KindTimeout             StartErrorKind = "timeout"               // its shim gave no answer in time
	KindFailed              StartErrorKind = "failed"                // anything else: out of processes, a full disk
)

// StartError is the error of Manager.Start.
type StartError struct {
	Kind StartErrorKind
	ID   string
	Err  error
}

func (e *StartError) Error() string { return fmt.Sprintf("start %q: %v", e.ID, e.Err) }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// ErrClosed is returned by calls on a Manager that has been closed.
var ErrClosed = errors.New("the manager has been closed")

// ErrRunning is returned by Process.Remove while the process runs.
var ErrRunning = errors.New("the process is still running: stop it first")

// kindOf maps what exec and chdir answer.
func kindOf(errno syscall.Errno) StartErrorKind {
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ENOEXEC:
		return KindInterpreterNotFound
	case syscall.EACCES, syscall.EPERM:
		return KindNotPermitted
	}
	return KindFailed
}
