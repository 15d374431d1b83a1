package contract

// Reason is the code of why an execution of a task ended, or was not begun. It
// is one closed set for clients, the cloud, the history, the API and the console.
type Reason string

// The reasons. What each means in words is in [Reason.Meaning]; what a client
// does about it, in package policy.
const (
	ReasonFinished Reason = "finished"

	ReasonExited        Reason = "exited"
	ReasonExitNonzero   Reason = "exit_nonzero"
	ReasonSignaled      Reason = "signaled"
	ReasonOOMKilled     Reason = "oom_killed"
	ReasonLimitExceeded Reason = "limit_exceeded"
	ReasonReportError   Reason = "report_error"

	ReasonDownloadFailed    Reason = "download_failed"
	ReasonBadDigest         Reason = "bad_digest"
	ReasonUntrusted         Reason = "untrusted"
	ReasonStartFailed       Reason = "start_failed"
	ReasonStartTimeout      Reason = "start_timeout"
	ReasonServerUnreachable Reason = "server_unreachable"
	ReasonStalled           Reason = "stalled"
	ReasonLost              Reason = "lost"

	ReasonOperatorStop Reason = "operator_stop"
	ReasonWithdrawn    Reason = "withdrawn"
	ReasonServiceStop  Reason = "service_stopped"
	ReasonRevoked      Reason = "revoked"
)

// reasons is the whole set, in the order in which it is documented.
var reasons = []struct {
	code    Reason
	meaning string
}{
	{ReasonFinished, "It reported Finished."},
	{ReasonReportError, "It reported an error of its own."},
	{ReasonExited, "Its process ended by itself with exit code 0, without reporting Finished."},
	{ReasonExitNonzero, "Its process ended by itself with another exit code."},
	{ReasonSignaled, "A signal that AGATA did not send ended its process."},
	{ReasonOOMKilled, "The kernel ended it for want of memory: its own limit's, or the machine's."},
	{ReasonLimitExceeded, "The kernel ended it for passing a limit of processor time or file size."},
	{ReasonDownloadFailed, "A client could not fetch its files; there was no process."},
	{ReasonBadDigest, "A file that a client fetched is not the one that the cloud has; there was no process."},
	{ReasonUntrusted, "Its files are not signed by one whom the allow-list names; there was no process."},
	{ReasonStartFailed, "Its process could not be started."},
	{ReasonStartTimeout, "Its process was not there in time."},
	{ReasonServerUnreachable, "It exited with code 75: what it needs, mostly its server, is away."},
	{ReasonStalled, "It made no progress for too long and was stopped."},
	{ReasonLost, "Nobody saw how it ended: its shim was killed, or the machine restarted."},
	{ReasonOperatorStop, "An operator stopped it."},
	{ReasonWithdrawn, "The cloud offers it to this client no more: its server has ended, or its criteria changed."},
	{ReasonServiceStop, "The task manager that ran it was stopped."},
	{ReasonRevoked, "Its signed files were revoked."},
}

// Reasons returns the closed set, in the order in which it is documented.
func Reasons() []Reason {
	list := make([]Reason, len(reasons))
	for i, r := range reasons {
		list[i] = r.code
	}
	return list
}

// Meaning says what a reason means, in one sentence; "" for one that is not of
// the set, which a peer of another version may tell.
func (r Reason) Meaning() string {
	for _, known := range reasons {
		if known.code == r {
			return known.meaning
		}
	}
	return ""
}

// State is how an execution of a task stands, and how a task does.
type State string

// The states. An execution is never new; a task is until its first start.
const (
	StateNew      State = "new"
	StateRunning  State = "running"
	StateFinished State = "finished" // it did what it was to do
	StateFailed   State = "failed"   // it ended otherwise, by itself, or was not begun
	StateStopped  State = "stopped"  // somebody ended it
)

// States returns the states of a task.
func States() []State {
	return []State{StateNew, StateRunning, StateFinished, StateFailed, StateStopped}
}

// RunStates returns the states of an execution.
func RunStates() []State { return States()[1:] }
