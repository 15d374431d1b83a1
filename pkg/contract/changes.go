package contract

import "time"

// AwaitChanges waits for changes of tasks that concern clients. The cloud's
// gateway calls it again and again, and wakes the clients; each gateway hears of
// each change.
var AwaitChanges = Function[AwaitChangesRequest, Changes]{Name: "rpc_exec_await_changes", Idempotent: true}

// AwaitChangesRequest asks for the changes after a place: the Feed and Next of
// the answer before. Without a feed only the place is answered. Wait bounds how
// long the answer may take when there are none, in seconds.
type AwaitChangesRequest struct {
	Feed  string  `json:"feed,omitempty"`
	After int64   `json:"after,omitempty"`
	Wait  float64 `json:"wait,omitempty"`
}

// Changes answers an [AwaitChangesRequest]. A feed begins anew, with another name,
// when its service does; then the answer begins at its beginning. Missed tells
// that some before these are forgotten already.
type Changes struct {
	Feed    string       `json:"feed"`
	Next    int64        `json:"next"`
	Missed  bool         `json:"missed,omitempty"`
	Changes []TaskChange `json:"changes"`
}

// TaskChange is what happened to a task, and the clients that it concerns: these,
// or with All any of them. Execution is that of the server which was stopped, and
// Age how long ago it happened, in seconds.
type TaskChange struct {
	Seq       int64    `json:"seq"`
	Task      string   `json:"task"`
	Change    string   `json:"change"`
	Execution string   `json:"execution,omitempty"`
	Age       float64  `json:"age,omitempty"`
	All       bool     `json:"all,omitempty"`
	Clients   []string `json:"clients,omitempty"`
}

// At is by when the change happened, by the clock of who heard of it at a moment.
func (c TaskChange) At(heard time.Time) time.Time { return ago(heard, c.Age) }

// ago is so many seconds before a moment.
func ago(moment time.Time, seconds float64) time.Time {
	return moment.Add(-time.Duration(seconds * float64(time.Second)))
}

// What may happen to a task.
const (
	ChangeStarted = "started" // it is offered
	ChangeUpdated = "updated" // it is offered in another way, has other files, or to others
	ChangeStopped = "stopped" // somebody stopped it: its client sides are to end
	ChangeEnded   = "ended"   // its server ended by itself
)

// Wake makes a client's task manager ask the cloud for tasks at once. What it
// tells of a change is a hint, but for a stop, which is final: the client's side
// of the task ends, unless the client was offered it again since.
var Wake = Function[WakeRequest, None]{Name: "rpc_exec_wake", Idempotent: true}

// WakeRequest tells why a client is woken; both are empty if it is not known. With
// PollAfter it is no wake, but the opposite: the cloud is busy and wants to be asked
// again after so many seconds.
type WakeRequest struct {
	TaskID    string  `json:"task_id,omitempty"`
	Change    string  `json:"change,omitempty"`
	Execution string  `json:"execution,omitempty"` // of the server that was stopped
	At        float64 `json:"at,omitempty"`        // by when it happened, in Unix seconds of the client's clock; 0: now
	PollAfter float64 `json:"poll_after,omitempty"`
}
