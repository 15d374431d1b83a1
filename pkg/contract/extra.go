package contract

// ListRequest asks for a page of a list, ordered by id. After is the last id of
// the page before; Limit is 1 to 1000, 0 means 100.
type ListRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// TaskSummary is a line of a list of tasks. State says how the server side
// stands: new, running, finished, failed or stopped; Reason why, in words.
type TaskSummary struct {
	ID           string   `json:"ID"`
	State        string   `json:"state"`
	Reason       string   `json:"reason,omitempty"`
	Round        string   `json:"round,omitempty"`
	Acc          string   `json:"acc,omitempty"`
	PID          int      `json:"pid,omitempty"`
	CreationDate Date     `json:"creation_date"`
	LastModDate  Date     `json:"last_mod_date"`
	Tags         []string `json:"tags"`
}

// TaskList is a page of tasks; Next, when not empty, is the After of the next page.
type TaskList struct {
	Tasks []TaskSummary `json:"tasks"`
	Next  string        `json:"next,omitempty"`
}

// UserList is a page of clients; Next, when not empty, is the After of the next page.
type UserList struct {
	Users []User `json:"users"`
	Next  string `json:"next,omitempty"`
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
// means 100.
type LogsRequest struct {
	TaskID string `json:"task_id"`
	Lines  int    `json:"lines,omitempty"`
}

// Logs are the last lines of a task's output, oldest first.
type Logs struct {
	Lines []string `json:"lines"`
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
	State       string  `json:"state"`
	Started     float64 `json:"started"` // unix seconds
}

// QuarantinedFor tells which task a client keeps from running, why, and until
// when (unix seconds).
type QuarantinedFor struct {
	TaskID string  `json:"task_id"`
	Digest string  `json:"digest"`
	Reason string  `json:"reason"`
	Since  float64 `json:"since"`
	Until  float64 `json:"until"`
}
