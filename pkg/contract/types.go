package contract

import (
	"encoding/json"
	"fmt"
	"time"
)

// DateLayout is how the wire writes dates: local time, whole seconds.
const DateLayout = "2006-01-02 15:04:05"

// Date is a point in time as the wire writes it.
type Date struct{ time.Time }

// MarshalJSON writes the date in [DateLayout], local time.
func (d Date) MarshalJSON() ([]byte, error) {
	return json.Marshal(d.Local().Format(DateLayout))
}

// UnmarshalJSON reads a date in [DateLayout] as local time.
func (d *Date) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	t, err := time.ParseInLocation(DateLayout, s, time.Local)
	d.Time = t
	return err
}

// Flag is a boolean that peers may send as 0, 1, false or true.
type Flag bool

// UnmarshalJSON reads 0, 1, false and true.
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", "1":
		*f = true
	case "false", "0", "null":
		*f = false
	default:
		return fmt.Errorf("%s is neither a boolean nor 0 or 1", b)
	}
	return nil
}

// TaskIDRequest names a task.
type TaskIDRequest struct {
	TaskID string `json:"task_id"`
}

// UserIDRequest names a client by its user id.
type UserIDRequest struct {
	UserID string `json:"user_id"`
}

// CreateTaskRequest describes a new task. Host and Port are where the task's
// own server listens, for the clients' information; FilesPaths are the files a
// client downloads.
type CreateTaskRequest struct {
	TaskID            string   `json:"task_id"`
	Host              string   `json:"host"`
	Port              int      `json:"port"`
	Username          string   `json:"username"`
	Password          string   `json:"password"`
	FilesPaths        []string `json:"files_paths"`
	SelectionCriteria string   `json:"selection_criteria,omitempty"`
	ServerArguments   string   `json:"server_arguments,omitempty"`
	ClientArguments   *string  `json:"client_arguments,omitempty"`
	Tags              []string `json:"tags,omitempty"`
}

// StartTaskRequest starts a task's server side. Arguments, when present, replace
// the stored server arguments for this start only.
type StartTaskRequest struct {
	TaskID    string  `json:"task_id"`
	Arguments *string `json:"arguments,omitempty"`
}

// UpdateTaskRequest changes the fields that are present. IfRevision, an addition
// to the wire, changes them only if the task's revision is this one; else the
// answer is [TaskChanged].
type UpdateTaskRequest struct {
	TaskID            string  `json:"task_id"`
	Host              *string `json:"host,omitempty"`
	Port              *int    `json:"port,omitempty"`
	Username          *string `json:"username,omitempty"`
	Password          *string `json:"password,omitempty"`
	SelectionCriteria *string `json:"selection_criteria,omitempty"`
	ServerArguments   *string `json:"server_arguments,omitempty"`
	ClientArguments   *string `json:"client_arguments,omitempty"`
	IfRevision        *int64  `json:"if_revision,omitempty"`
}

// Task is a task as the cloud keeps it.
type Task struct {
	CreationDate      Date     `json:"creation_date"`
	LastModDate       Date     `json:"last_mod_date"`
	ID                string   `json:"ID"`
	Host              string   `json:"host"`
	Port              int      `json:"port"`
	Running           Flag     `json:"running"`
	SelectionCriteria string   `json:"selection_criteria"`
	ServerArguments   string   `json:"server_arguments"`
	ClientArguments   *string  `json:"client_arguments"`
	Username          string   `json:"username"`
	Password          string   `json:"password"`
	Tags              []string `json:"tags"`
	FilesPaths        []string `json:"files_paths"`
}

// OfferedTask is a running task as it is offered to a client whose attributes
// meet the task's criteria.
type OfferedTask struct {
	ID              string   `json:"ID"`
	Host            string   `json:"host"`
	Port            int      `json:"port"`
	Tags            []string `json:"tags"`
	ClientArguments *string  `json:"client_arguments"`
	Username        string   `json:"username"`
	Password        string   `json:"password"`
	FilesPaths      []string `json:"files_paths"`
	// DownloadToken, if there is one, opens the files for some minutes in place of
	// user name and password: an addition.
	DownloadToken string `json:"download_token,omitempty"`
	// Execution is that of the task's server, an addition of closed clouds: what is
	// told of an earlier one does not concern this offer.
	Execution string `json:"execution,omitempty"`
	// Bundle is the digest of the manifest among the task's files, an addition to
	// the wire; "" if there is none.
	Bundle string `json:"bundle,omitempty"`
}

// UpdateUserRequest tells what a client has. Absent fields stay as they are;
// Sensors, when present, replaces the set. Attributes are any further ones that
// selection criteria may name: an addition that is sent only by clients that
// have some, so that a peer without it is not disturbed.
type UpdateUserRequest struct {
	UserID                   string         `json:"user_id"`
	DataQnt                  *int64         `json:"data_qnt,omitempty"`
	AvgAccContrib            *float64       `json:"avg_acc_contrib,omitempty"`
	AvgDisconnectionPerRound *float64       `json:"avg_disconnection_per_round,omitempty"`
	Sensors                  *[]string      `json:"sensors,omitempty"`
	Attributes               map[string]any `json:"attributes,omitempty"`
}

// User is a client as the cloud knows it.
type User struct {
	CreationDate             Date           `json:"creation_date"`
	LastModDate              Date           `json:"last_mod_date"`
	ID                       string         `json:"ID"`
	DataQnt                  *int64         `json:"data_qnt"`
	AvgAccContrib            *float64       `json:"avg_acc_contrib"`
	AvgDisconnectionPerRound *float64       `json:"avg_disconnection_per_round"`
	Sensors                  []string       `json:"sensors"`
	Attributes               map[string]any `json:"attributes,omitempty"`
}
