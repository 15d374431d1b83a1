package api

import (
	"net/http"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// Explanation tells why a client does, or does not, run a task: what the cloud
// decides, and what the client told of itself.
type Explanation struct {
	contract.Explanation
	Quarantine *contract.QuarantinedFor `json:"quarantine,omitempty"`
	Limit      string                   `json:"limit,omitempty"` // what else keeps it
	Running    *history.Execution       `json:"running,omitempty"`
	Last       *history.Execution       `json:"last,omitempty"`
	LastSeen   float64                  `json:"last_seen"` // unix seconds; 0: never
}

func (a *API) explain(w http.ResponseWriter, r *http.Request, q *params) error {
	req := contract.ExplainRequest{TaskID: r.PathValue("id"), UserID: q.text("client", 256)}
	if req.UserID == "" {
		q.faults["client"] = "is required: the client's user id"
	}
	if err := q.err(); err != nil {
		return err
	}
	why, err := call(r.Context(), a, contract.ExplainTask, req)
	if err != nil {
		return err
	}
	why.Clauses = list(why.Clauses)
	view, _, err := a.history.Client(r.Context(), req.UserID)
	if err != nil {
		return err
	}
	last, err := a.lastExecution(r, req.TaskID, req.UserID)
	if err != nil {
		return err
	}
	s := standing{task: req.TaskID, now: a.now(), running: true, choice: contract.ClientChoice{Selected: true}, view: view, last: last}
	answer := Explanation{Explanation: why, Quarantine: s.quarantine(), Last: last, LastSeen: view.LastSeen}
	switch {
	case s.runsIt() && last != nil && last.State == StatusRunning:
		answer.Running = last
	case s.away():
		answer.Limit = "the client is away: " + s.lastSeen()
	case s.busyWith() != "":
		answer.Limit = "the client runs task " + s.busyWith() + " and takes one at a time"
	}
	return reply(w, http.StatusOK, answer)
}
