package apiclient

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"

	"github.com/agata-fl/agata/pkg/contract"
)

// TaskDetail is a task and how it stands. The API keeps the password to itself.
type TaskDetail struct {
	contract.TaskDetail
	PasswordSet bool `json:"password_set"`
}

// TaskFilter says which tasks are listed. Zero: all, by id.
type TaskFilter struct {
	State, Query string // Query: a part of the id or of a tag
	Newest       bool   // the task created last comes first
	Limit        int    // how many at most; 0: all
}

// Tasks lists tasks.
func (c *Client) Tasks(ctx context.Context, f TaskFilter) iter.Seq2[Object[contract.TaskSummary], error] {
	order := ""
	if f.Newest {
		order = contract.OrderNewest
	}
	return each[contract.TaskSummary](ctx, c, path("tasks"), values("state", f.State, "q", f.Query, "order", order), "tasks", f.Limit)
}

// Task returns a task; its version is for [Client.UpdateTask].
func (c *Client) Task(ctx context.Context, id string) (Object[TaskDetail], error) {
	if err := checkID(id, contract.TaskNotRegistered); err != nil {
		return Object[TaskDetail]{}, err
	}
	return get[TaskDetail](ctx, c, path("tasks", id), nil)
}

// CreateTask registers a task.
func (c *Client) CreateTask(ctx context.Context, req contract.CreateTaskRequest) (Object[TaskDetail], error) {
	return post[TaskDetail](ctx, c, path("tasks"), req)
}

// AnyRevision is the revision of a change that is made whatever was changed before.
const AnyRevision = int64(0)

// UpdateTask changes the fields of req that are set, if the task still has the
// revision; else the error's code is conflict.
func (c *Client) UpdateTask(ctx context.Context, req contract.UpdateTaskRequest, revision int64) (v Object[TaskDetail], err error) {
	if err := checkID(req.TaskID, contract.TaskNotRegistered); err != nil {
		return v, err
	}
	match := "*"
	if revision != AnyRevision {
		match = fmt.Sprintf("%q", strconv.FormatInt(revision, 10))
	}
	// The id is in the path.
	_, err = c.ask(ctx, request{
		method: http.MethodPatch, path: path("tasks", req.TaskID), header: http.Header{"If-Match": {match}},
		body: struct {
			Host              *string `json:"host,omitempty"`
			Port              *int    `json:"port,omitempty"`
			Username          *string `json:"username,omitempty"`
			Password          *string `json:"password,omitempty"`
			SelectionCriteria *string `json:"selection_criteria,omitempty"`
			ServerArguments   *string `json:"server_arguments,omitempty"`
			ClientArguments   *string `json:"client_arguments,omitempty"`
		}{req.Host, req.Port, req.Username, req.Password, req.SelectionCriteria, req.ServerArguments, req.ClientArguments},
	}, &v)
	return v, err
}

// DeleteTask deletes a task that does not run, with its files.
func (c *Client) DeleteTask(ctx context.Context, id string) error {
	if err := checkID(id, contract.TaskNotRegistered); err != nil {
		return err
	}
	_, err := c.ask(ctx, request{method: http.MethodDelete, path: path("tasks", id)}, nil)
	return err
}

// StartTask starts a task's server. arguments, unless nil, stand in for the
// registered ones this once.
func (c *Client) StartTask(ctx context.Context, id string, arguments *string) (v Object[TaskDetail], err error) {
	if err := checkID(id, contract.TaskNotRegistered); err != nil {
		return v, err
	}
	return post[TaskDetail](ctx, c, path("tasks", id, "start"), struct {
		Arguments *string `json:"arguments,omitempty"`
	}{arguments})
}

// StopTask stops a task's server.
func (c *Client) StopTask(ctx context.Context, id string) (v Object[TaskDetail], err error) {
	if err := checkID(id, contract.TaskNotRegistered); err != nil {
		return v, err
	}
	return post[TaskDetail](ctx, c, path("tasks", id, "stop"), struct{}{})
}

// TaskLogs returns the last lines that a task's server wrote or, with after, the
// next of an earlier answer, those since.
func (c *Client) TaskLogs(ctx context.Context, id string, lines int, after string) (Object[contract.Logs], error) {
	if err := checkID(id, contract.TaskNotRegistered); err != nil {
		return Object[contract.Logs]{}, err
	}
	return get[contract.Logs](ctx, c, path("tasks", id, "logs"), values("lines", strconv.Itoa(lines), "after", after))
}

// Explanation tells why a client does, or does not, run a task.
type Explanation struct {
	contract.Explanation
	Quarantine *contract.QuarantinedFor `json:"quarantine"`
	Limit      string                   `json:"limit"` // what else keeps it; "": nothing
	Running    *Execution               `json:"running"`
	Last       *Execution               `json:"last"`
	LastSeen   float64                  `json:"last_seen"` // unix seconds; 0: never
}

// Explain tells why a client does, or does not, run a task.
func (c *Client) Explain(ctx context.Context, task, client string) (Object[Explanation], error) {
	if err := checkID(task, contract.TaskNotRegistered); err != nil {
		return Object[Explanation]{}, err
	}
	return get[Explanation](ctx, c, path("tasks", task, "explain"), values("client", client))
}

// TaskClient is how a task stands at a client.
type TaskClient struct {
	contract.ClientChoice
	Status     string                   `json:"status"` // running, waiting, away, not_selected, ...
	Detail     string                   `json:"detail"`
	LastSeen   float64                  `json:"last_seen"` // unix seconds; 0: never
	Execution  *Execution               `json:"execution"` // the last one
	Quarantine *contract.QuarantinedFor `json:"quarantine"`
}

// TaskClients lists the clients with how the task stands at each; query is a part
// of their id.
func (c *Client) TaskClients(ctx context.Context, task, query string, limit int) iter.Seq2[Object[TaskClient], error] {
	if err := checkID(task, contract.TaskNotRegistered); err != nil {
		return failed[TaskClient](err)
	}
	return each[TaskClient](ctx, c, path("tasks", task, "clients"), values("q", query), "clients", limit)
}

// failed is a list that could not be read.
func failed[T any](err error) iter.Seq2[Object[T], error] {
	return func(yield func(Object[T], error) bool) { yield(Object[T]{}, err) }
}

// CheckCriteria tells what a selection expression means now.
func (c *Client) CheckCriteria(ctx context.Context, expression string) (v Object[contract.CriteriaCheck], err error) {
	return post[contract.CriteriaCheck](ctx, c, path("criteria", "check"), contract.CheckCriteriaRequest{Expression: expression})
}
