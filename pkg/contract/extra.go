package contract

// ListRequest asks for a page of a list, ordered by id. After is the Next of the
// page before; Limit is 1 to 1000, 0 means 100. Query, when not empty, is a part
// of the id, whatever its case.
type ListRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
	Query string `json:"query,omitempty"`
}

// ListTasksRequest asks for a page of tasks. Query is a part of the id or of a
// tag, whatever its case; State one of the states, or empty.
type ListTasksRequest struct {
	ListRequest
	State string `json:"state,omitempty"`
	Order string `json:"order,omitempty"` // OrderID, also when empty, or OrderNewest
}

// The orders of a list of tasks.
const (
	OrderID     = "id"
	OrderNewest = "newest" // the task created last comes first
)

// TaskSummary is a line of a list of tasks. State says how the server side
// stands: new, running, finished, failed or stopped; Reason why, in words.
type TaskSummary struct {
	ID           string   `json:"ID"`
	State        string   `json:"state"`
	Reason       string   `json:"reason,omitempty"`
	Round        string   `json:"round,omitempty"`
	Acc          string   `json:"acc,omitempty"`
	PID          int      `json:"pid,omitempty"`
	Revision     int64    `json:"revision"` // grows with every change by an operator
	CreationDate Date     `json:"creation_date"`
	LastModDate  Date     `json:"last_mod_date"`
	Tags         []string `json:"tags"`
}

// TaskList is a page of tasks; Next, when not empty, is the After of the next
// page, and Total how many there are on all pages.
type TaskList struct {
	Tasks []TaskSummary `json:"tasks"`
	Next  string        `json:"next,omitempty"`
	Total int           `json:"total"`
}

// UserList is a page of clients; see [TaskList].
type UserList struct {
	Users []User `json:"users"`
	Next  string `json:"next,omitempty"`
	Total int    `json:"total"`
}

// TaskDetail is a task as the cloud keeps it, and how it stands.
type TaskDetail struct {
	Task
	State       string `json:"state"`
	Reason      string `json:"reason"`
	Round       string `json:"round"`
	Acc         string `json:"acc"`
	PID         int    `json:"pid"`
	ExecutionID string `json:"execution_id"` // of the last execution; "" before the first
	Revision    int64  `json:"revision"`
	// StalledSince is when a running server last made progress, if it counts as
	// stalled; unix seconds, else 0.
	StalledSince float64 `json:"stalled_since,omitempty"`
}

// TaskCounts is how many tasks there are in each state.
type TaskCounts map[string]int

// TaskFile is a file of a task at the cloud.
type TaskFile struct {
	Path   string `json:"path"` // relative to the task's folder, with forward slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	// Client tells that clients download it: it is among the task's files_paths.
	Client bool `json:"client"`
}

// TaskFiles are a task's files. Missing are those that clients are to download
// and that are not there.
type TaskFiles struct {
	Files   []TaskFile `json:"files"`
	Missing []string   `json:"missing"`
}

// TaskFileRequest names a file of a task.
type TaskFileRequest struct {
	TaskID string `json:"task_id"`
	Path   string `json:"path"`
}

// CheckCriteriaRequest asks what a selection expression means now.
type CheckCriteriaRequest struct {
	Expression string `json:"expression"`
}

// CriteriaCheck answers a [CheckCriteriaRequest]: whether the expression can be
// used and, if not, what is wrong and at which column (from 1; 0: everywhere);
// which clients match now, a few of them by id, and what the others lack.
type CriteriaCheck struct {
	Valid   bool     `json:"valid"`
	Error   string   `json:"error,omitempty"`
	Column  int      `json:"column,omitempty"`
	Clients int      `json:"clients"` // known
	Matches int      `json:"matches"`
	Failing int      `json:"failing"` // it cannot be evaluated for them
	Sample  []string `json:"sample"`  // of those that match
	Names   []string `json:"names"`   // that an expression may use: attributes of the clients
	// Unknown are the names in the expression that no client has: slips, perhaps.
	Unknown []string `json:"unknown,omitempty"`
}

// TaskAudienceRequest asks which clients a task is for, a page at a time, by id.
type TaskAudienceRequest struct {
	TaskID string `json:"task_id"`
	ListRequest
}

// TaskAudience is a page of clients with what the task's criteria say of each.
type TaskAudience struct {
	Running bool           `json:"running"` // only a running task is offered to anyone
	Clients []ClientChoice `json:"clients"`
	Next    string         `json:"next,omitempty"`
	Total   int            `json:"total"`
}

// ClientChoice tells whether the criteria let a client in and, if not, the clause
// that keeps it out with what it was decided on.
type ClientChoice struct {
	UserID   string  `json:"user_id"`
	Selected bool    `json:"selected"`
	Clause   *Clause `json:"clause,omitempty"`
}

// ExplainRequest asks why a client does, or does not, get a task.
type ExplainRequest struct {
	TaskID string `json:"task_id"`
	UserID string `json:"user_id"`
}

// Explanation answers an [ExplainRequest]: whether the client is offered the
// task, and each condition with its outcome.
type Explanation struct {
	Offered bool     `json:"offered"`
	Clauses []Clause `json:"clauses"`
}

// Clause is one condition: its text, its outcome (true, false or error), and
// what it was decided on.
type Clause struct {
	Text    string `json:"text"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
}

// LogsRequest asks for the last lines of a task's server side, 1 to 1000, 0
// means 100; with After, the Next of an earlier answer, for the first that were
// written since: ask again at once while as many come as were asked for.
type LogsRequest struct {
	TaskID string `json:"task_id"`
	Lines  int    `json:"lines,omitempty"`
	After  string `json:"after,omitempty"`
}

// Logs are lines of a task's output, oldest first. Next stands for what was read
// up to now. A line in brackets tells what is missing between two answers: output
// that was given up, or a new execution that begins.
type Logs struct {
	Lines []string `json:"lines"`
	Next  string   `json:"next,omitempty"`
}

// ClientState is what a client's task manager does now.
type ClientState struct {
	UserID      string           `json:"user_id"`
	Policy      string           `json:"policy"`
	Running     []Execution      `json:"running"`
	Quarantined []QuarantinedFor `json:"quarantined"`
	LastError   string           `json:"last_error,omitempty"`
}

// Execution is one run of a task's client side.
type Execution struct {
	TaskID      string  `json:"task_id"`
	ExecutionID string  `json:"execution_id"`
	PID         int     `json:"pid"`
	State       State   `json:"state"`
	Started     float64 `json:"started"` // unix seconds
	// StalledSince is when it last made progress, if it counts as stalled; else 0.
	StalledSince float64 `json:"stalled_since,omitempty"`
}

// QuarantinedFor tells which task a client keeps from running, why, and until
// when (unix seconds).
type QuarantinedFor struct {
	TaskID string  `json:"task_id"`
	Digest string  `json:"digest"`
	Reason Reason  `json:"reason"`
	Since  float64 `json:"since"`
	Until  float64 `json:"until"`
}

// RevokeRequest names a bundle that must not run any more, by the digest of its
// manifest: 64 hexadecimal digits. The cloud stops offering and running what it
// was signed for, and tells the clients, of whom each stops its copies at once.
type RevokeRequest struct {
	Digest string `json:"digest"`
	// Others are further ones: a client that was away gets all at once.
	Others []string `json:"others,omitempty"`
	TaskID string   `json:"task_id,omitempty"` // whose it was, for people
	Reason string   `json:"reason,omitempty"`  // for people
}

// Revocation is a bundle that must not run any more.
type Revocation struct {
	Digest  string  `json:"digest"`
	TaskID  string  `json:"task_id"`
	Reason  string  `json:"reason"`
	Revoked float64 `json:"revoked"` // unix seconds
}

// RevocationsRequest asks for a page of the revocations in the order in which
// they were made. After is the Next of the page before; Limit is 1 to 1000, 0
// means 100.
type RevocationsRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// RevocationList is a page of revocations. Next stands for what was listed up to
// here, also when there is no more now: ask again with it for what came since. It
// is the cloud's own; another cloud's, or one that is not known, is the beginning.
type RevocationList struct {
	Revocations []Revocation `json:"revocations"`
	Next        string       `json:"next"`
	Total       int          `json:"total"`
}
