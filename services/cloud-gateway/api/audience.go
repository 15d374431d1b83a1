package api

import (
	"net/http"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// TaskClient is how a task stands at a client.
type TaskClient struct {
	contract.ClientChoice
	Status     string                   `json:"status"`
	Detail     string                   `json:"detail,omitempty"`
	LastSeen   float64                  `json:"last_seen"` // unix seconds; 0: never
	Execution  *history.Execution       `json:"execution,omitempty"`
	Quarantine *contract.QuarantinedFor `json:"quarantine,omitempty"`
}

// TaskClients is a page of clients with how a task stands at each.
type TaskClients struct {
	Running bool         `json:"running"`
	Clients []TaskClient `json:"clients"`
	Next    string       `json:"next,omitempty"`
	Total   int          `json:"total"`
}

func (a *API) taskClients(w http.ResponseWriter, r *http.Request, q *params) error {
	id := r.PathValue("id")
	req := contract.TaskAudienceRequest{TaskID: id, ListRequest: contract.ListRequest{After: q.cursor(), Limit: q.limit(), Query: q.text("q", 256)}}
	if err := q.err(); err != nil {
		return err
	}
	page, err := call(r.Context(), a, contract.ListTaskClients, req)
	if err != nil {
		return err
	}
	ids := make([]string, len(page.Clients))
	for i, c := range page.Clients {
		ids[i] = c.UserID
	}
	views, err := a.history.Clients(r.Context(), ids)
	if err != nil {
		return err
	}
	since, err := a.started(r, id)
	if err != nil {
		return err
	}
	answer := TaskClients{Running: page.Running, Clients: make([]TaskClient, len(page.Clients)), Next: page.Next, Total: page.Total}
	for i, choice := range page.Clients {
		last, err := a.lastExecution(r, id, choice.UserID)
		if err != nil {
			return err
		}
		answer.Clients[i] = standing{
			task: id, now: a.now(), running: page.Running, since: since, choice: choice, view: views[choice.UserID], last: last,
		}.client()
	}
	return reply(w, http.StatusOK, answer)
}

// started is when the task's server side was started last, in unix seconds; 0 if
// that is not known.
func (a *API) started(r *http.Request, task string) (float64, error) {
	newest, _, err := a.history.Executions(r.Context(), history.ExecutionFilter{Task: task, Side: contract.SideServer}, "", 1)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Started, nil
}

// lastExecution is the newest one of a task at a client; nil if there is none.
func (a *API) lastExecution(r *http.Request, task, client string) (*history.Execution, error) {
	newest, _, err := a.history.Executions(r.Context(), history.ExecutionFilter{Task: task, Client: client, Side: contract.SideClient}, "", 1)
	if err != nil || len(newest) == 0 {
		return nil, err
	}
	return &newest[0], nil
}
