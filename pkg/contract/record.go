package contract

import "time"

// RecordsQueue is the queue of each broker on which services tell the cloud's
// history what happened, one [Record] a message. It is AGATA's own: the events
// of [EventsQueue] belong to the contract's event readers, who take them off.
const RecordsQueue = "agata_records"

// RecordKind says which of a [Record]'s bodies is set.
type RecordKind string

// The kinds.
const (
	RecordEvent     RecordKind = "event"
	RecordRound     RecordKind = "round"
	RecordExecution RecordKind = "execution"
	RecordClient    RecordKind = "client"
)

// About says what something that happened was about; what is unknown is empty.
type About struct {
	Task      string `json:"task,omitempty"`
	Execution string `json:"execution,omitempty"`
}

// Record is something that happened, on its way to the cloud's history. It may
// come twice and is stored once, by its id.
type Record struct {
	ID   string     `json:"id"` // a UUID
	Kind RecordKind `json:"kind"`
	Time float64    `json:"time"` // unix seconds
	// Client is the user id of the client that it happened at; "" at the cloud.
	Client string `json:"client,omitempty"`
	About
	// Trace is the W3C trace id (32 hexadecimal digits) of the call that it belongs to.
	Trace string `json:"trace,omitempty"`

	Event *Event        `json:"event,omitempty"` // its time is the record's
	Round *Round        `json:"round,omitempty"`
	Run   *ExecutionRun `json:"run,omitempty"`
	State *ClientState  `json:"state,omitempty"` // replaces the client's last one
}

// Round is what a round of training gave, as its task reported it: texts, that
// are numbers when the task means them so.
type Round struct {
	Side  string `json:"side"` // server: the aggregate; client
	Round string `json:"round"`
	Acc   string `json:"acc"`
	Loss  string `json:"loss,omitempty"`
}

// The sides of a task.
const (
	SideServer = "server"
	SideClient = "client"
)

// ExecutionRun is how one execution of a task stands; a later record of the
// same execution replaces an earlier one.
type ExecutionRun struct {
	Side     string  `json:"side"`
	State    State   `json:"state"` // one of RunStates
	PID      int     `json:"pid"`
	Started  float64 `json:"started"`             // unix seconds
	Ended    float64 `json:"ended,omitempty"`     // unix seconds; 0 while it runs
	Reason   Reason  `json:"reason,omitempty"`    // why it ended
	Detail   string  `json:"detail,omitempty"`    // and in words
	ExitCode *int    `json:"exit_code,omitempty"` // nil: none, or not known
	Signal   *int    `json:"signal,omitempty"`
	// StalledSince is when a running one last made progress, if it counts as
	// stalled: unix seconds, else 0.
	StalledSince float64 `json:"stalled_since,omitempty"`
	// Quarantined tells that the client keeps the task from running again.
	Quarantined bool `json:"quarantined,omitempty"`
	// LastLines are the last lines of its output, oldest first, at its end.
	LastLines []string `json:"last_lines,omitempty"`
}

// ClientReport is what a client's gateway sends to the cloud's history (POST
// /api/v1/clients/{id}/records): what happened there since, and which commands
// were carried out. An empty one tells that the client is there.
type ClientReport struct {
	Records []Record        `json:"records"`
	Done    []CommandResult `json:"done,omitempty"`
	// Revocations is the Next of the last answer's revocations that the client took
	// in, "" if it knows of none; nil: it takes none in.
	Revocations *string `json:"revocations,omitempty"`
}

// ClientAnswer answers a [ClientReport]: commands that wait for the client, and
// the revocations that it lacks.
type ClientAnswer struct {
	Commands    []Command       `json:"commands"`
	Revocations *RevocationList `json:"revocations,omitempty"` // nil: it lacks none
}

// Command is something that the cloud wants of a client: the answer to a report
// brings it, and the downlink (GET /api/v1/clients/{id}/downlink) at once.
type Command struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Task   string `json:"task"`             // "" if it is about no task
	Change string `json:"change,omitempty"` // of a wake: what happened to the task
	Digest string `json:"digest,omitempty"` // of a revocation: that of the bundle's manifest
	// Execution, of a wake, is that of the server which was stopped, and Age how long
	// ago the change happened, in seconds.
	Execution string  `json:"execution,omitempty"`
	Age       float64 `json:"age,omitempty"`
}

// At is by when the change of a wake happened, by the clock of who heard of it at a
// moment.
func (c Command) At(heard time.Time) time.Time { return ago(heard, c.Age) }

// The kinds of commands.
const (
	// CommandRelease ends the quarantine of a task at a client.
	CommandRelease = "release"
	// CommandRevoke stops a bundle's copies at a client, for good.
	CommandRevoke = "revoke"
	// CommandWake tells that the cloud has news for the client. It waits for nobody
	// and its outcome is not told: a client that misses it learns the same by asking.
	CommandWake = "wake"
)

// CommandResult tells how a [Command] went; Error is "" when it went well.
type CommandResult struct {
	ID    string `json:"id"`
	Error string `json:"error,omitempty"`
}
