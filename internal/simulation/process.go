package simulation

import (
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// ending is how an execution ended.
type ending uint8

const (
	endNone ending = iota
	endFinished
	endStopped
	endExit
	endSignal
	endError
	endTemporary // exit 75: its server is away
	endStalled
	endLost // with its machine
)

// outcome is what a watch makes of it (services/client-task-manager/watch.go).
func (e ending) outcome() (control.Result, policy.Reason) {
	switch e {
	case endFinished:
		return control.Finished, ""
	case endStopped:
		return control.Stopped, contract.ReasonOperatorStop
	case endExit:
		return control.Failed, contract.ReasonExitNonzero
	case endSignal:
		return control.Failed, contract.ReasonSignaled
	case endError:
		return control.Failed, contract.ReasonReportError
	case endTemporary:
		return control.Failed, contract.ReasonServerUnreachable
	case endStalled:
		return control.Failed, contract.ReasonStalled
	default:
		return control.Failed, contract.ReasonLost
	}
}

// fault tells an end that is the task's own fault.
func (e ending) fault() bool { return e == endExit || e == endSignal || e == endError }

// process is one execution of a task at a client, and the folder that it leaves.
type process struct {
	client  int32
	version int32 // of the task's files
	server  int32 // the execution of the task's server that it was started for
	task    int16

	alive    bool
	watched  bool // the manager's loop knows it
	stopping bool
	hangs    bool
	handled  bool // its end is marked as dealt with
	held     bool // and the quarantine held it
	end      ending
	ended    time.Duration
}

// fate is what a program will do: how its process ends, and when. Never: it waits
// to be stopped.
type fate struct {
	end   ending
	after time.Duration
	hangs bool
}

// program is one version of a task's code.
type program uint8

const (
	sound program = iota
	flaky
	broken
)

// stallAfter is how long a process may say nothing.
const stallAfter = 10 * time.Minute

// draw decides a process's fate.
func (w *world) draw(p program) fate {
	n := w.rng.Float64()
	switch p {
	case broken:
		if n < 0.9 {
			return fate{end: []ending{endExit, endSignal, endError}[w.rng.IntN(3)], after: w.between(time.Second, time.Minute)}
		}
	case flaky:
		switch {
		case n < 0.5:
			return fate{end: endTemporary, after: w.between(time.Second, 5*time.Minute)}
		case n < 0.6:
			return fate{hangs: true}
		}
	}
	switch n = w.rng.Float64(); {
	case n < 0.80:
		return fate{end: endFinished, after: w.between(2*time.Minute, 2*time.Hour)}
	case n < 0.84:
		return fate{end: endSignal, after: w.between(time.Second, time.Hour)}
	case n < 0.87:
		return fate{end: endTemporary, after: w.between(time.Second, time.Hour)}
	case n < 0.90:
		return fate{hangs: true}
	default:
		return fate{end: endNone}
	}
}
