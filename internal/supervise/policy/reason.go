// Package policy decides what to do after a task has failed: start it again and
// when, give up, or keep this version of it from running for a while.
//
// The decisions are pure: time is passed in, and nothing is read or written but
// by Load and Save, which keep the quarantine over restarts.
package policy

import "github.com/agata-fl/agata/pkg/contract"

// Reason is the code of an end.
type Reason = contract.Reason

// Class says whose doing an end is, and so what helps.
type Class string

// The classes.
const (
	Success        Class = "success"        // it did what it was to do
	Code           Class = "code"           // the task's own: it would fail again, another version may not
	Infrastructure Class = "infrastructure" // the world's: it may pass, so try again, more slowly each time
	Operator       Class = "operator"       // nobody's: somebody wanted it
)

// classes is the whole table. A task that stalls, or takes too long to start,
// mostly waits for a server; a start that fails, for an administrator; a file
// that is not what it should be came over a bad line or was just replaced.
var classes = map[Reason]Class{
	contract.ReasonFinished: Success,

	contract.ReasonExited:        Code,
	contract.ReasonExitNonzero:   Code,
	contract.ReasonSignaled:      Code,
	contract.ReasonOOMKilled:     Code,
	contract.ReasonLimitExceeded: Code,
	contract.ReasonReportError:   Code,
	contract.ReasonUntrusted:     Code,
	contract.ReasonRevoked:       Code,

	contract.ReasonDownloadFailed:    Infrastructure,
	contract.ReasonBadDigest:         Infrastructure,
	contract.ReasonStartFailed:       Infrastructure,
	contract.ReasonStartTimeout:      Infrastructure,
	contract.ReasonServerUnreachable: Infrastructure,
	contract.ReasonStalled:           Infrastructure,
	contract.ReasonLost:              Infrastructure,

	contract.ReasonOperatorStop: Operator,
	contract.ReasonWithdrawn:    Operator,
	contract.ReasonServiceStop:  Operator,
}

// ClassOf returns a reason's class. An unknown reason counts as infrastructure,
// which blames no task.
func ClassOf(reason Reason) Class {
	if class, ok := classes[reason]; ok {
		return class
	}
	return Infrastructure
}
