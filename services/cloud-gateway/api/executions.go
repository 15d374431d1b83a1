package api

import (
	"cmp"
	"net/http"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// ExecutionList is a page of executions, without their last lines.
type ExecutionList struct {
	Executions []history.Execution `json:"executions"`
	Next       string              `json:"next,omitempty"`
}

// listExecutions lists executions: all, or those of the task or client in the path.
func (a *API) listExecutions(w http.ResponseWriter, r *http.Request, q *params) error {
	filter := history.ExecutionFilter{
		Task: cmp.Or(r.PathValue("id"), q.text("task", 256)), Client: cmp.Or(r.PathValue("client"), q.text("client", 256)),
		State: q.oneOf("state", "", "running", "finished", "failed", "stopped"), Side: q.oneOf("side", "", contract.SideServer, contract.SideClient),
	}
	cursor, limit := q.cursor(), q.limit()
	if err := q.err(); err != nil {
		return err
	}
	page, next, err := a.history.Executions(r.Context(), filter, cursor, limit)
	if err != nil {
		return pageFault(err)
	}
	return reply(w, http.StatusOK, ExecutionList{Executions: list(page), Next: next})
}

func (a *API) showExecution(w http.ResponseWriter, r *http.Request, _ *params) error {
	id := r.PathValue("execution")
	e, found, err := a.history.Execution(r.Context(), id)
	if err != nil {
		return err
	}
	if !found {
		return notFound("The history has no execution "+id+".", "It is too old, or there was none: GET /api/v1/executions lists those that there are.")
	}
	return reply(w, http.StatusOK, e)
}

// Metrics are the rounds of a task.
type Metrics struct {
	Series []history.Series `json:"series"`
}

func (a *API) metrics(w http.ResponseWriter, r *http.Request, q *params) error {
	filter := history.RoundFilter{
		Task: r.PathValue("id"), Execution: q.text("execution", 256), Client: q.text("client", 256),
		Points: q.number("points", 500, 8, 5000), Series: q.number("series", 200, 1, 1000),
	}
	if err := q.err(); err != nil {
		return err
	}
	series, err := a.history.Rounds(r.Context(), filter)
	if err != nil {
		return err
	}
	series = list(series)
	for i := range series {
		series[i].Points = list(series[i].Points)
	}
	return reply(w, http.StatusOK, Metrics{Series: series})
}
