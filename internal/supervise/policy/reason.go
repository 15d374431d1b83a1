// Package policy decides what to do after a task has failed: start it again and
// when, give up, or keep this version of it from running for a while.
//
// The decisions are pure: time is passed in, and nothing is read or written but
// by Load and Save, which keep the quarantine over restarts.
package policy

// Reason is the code of a failure.
type Reason string

// The reasons, a closed set. Those that are an exit have the name they have in
// package supervise.
const (
	ExitNonzero       Reason = "exit_nonzero"
	Signaled          Reason = "signaled"
	OOMKilled         Reason = "oom_killed"
	ReportError       Reason = "report_error" // the task itself reported an error
	StartFailed       Reason = "start_failed" // no interpreter, no permission
	StartTimeout      Reason = "start_timeout"
	DownloadFailed    Reason = "download_failed"
	ServerUnreachable Reason = "server_unreachable"
	OperatorStop      Reason = "operator_stop"
	Lost              Reason = "lost"       // nobody saw how it ended
	Stalled           Reason = "stalled"    // it runs but says nothing any more
	Untrusted         Reason = "untrusted"  // nobody whom the allow-list names has signed it
	BadDigest         Reason = "bad_digest" // its files are not those that were signed
	Revoked           Reason = "revoked"    // its bundle must not run any more
)

// Class says whose fault a failure is, and so what helps.
type Class string

// The classes.
const (
	Code           Class = "code"           // the task's own: it would fail again, another version may not
	Infrastructure Class = "infrastructure" // the world's: it may pass, so try again, more slowly each time
	Operator       Class = "operator"       // nobody's: somebody wanted it
)

// classes is the whole table. A task that stalls, or takes too long to start,
// mostly waits for a server; a start that fails, for an administrator.
var classes = map[Reason]Class{
	ExitNonzero:       Code,
	Signaled:          Code,
	OOMKilled:         Code,
	ReportError:       Code,
	Untrusted:         Code,
	BadDigest:         Code,
	Revoked:           Code,
	StartFailed:       Infrastructure,
	StartTimeout:      Infrastructure,
	DownloadFailed:    Infrastructure,
	ServerUnreachable: Infrastructure,
	Lost:              Infrastructure,
	Stalled:           Infrastructure,
	OperatorStop:      Operator,
}

// Class returns the reason's class. An unknown reason counts as infrastructure,
// which blames no task.
func (r Reason) Class() Class {
	if class, ok := classes[r]; ok {
		return class
	}
	return Infrastructure
}
