package api

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// release asks a client to run a task again that it keeps from running. It does at
// once, if it has a downlink, or else when its gateway reports next; the command
// tells when that was.
func (a *API) release(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	client, task := r.PathValue("client"), r.PathValue("task")
	if len(task) > 256 {
		return notFound("There can be no such task.", "GET /api/v1/tasks lists the tasks.")
	}
	if _, err := a.client(r, client); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	if err := a.history.Command(r.Context(), client, contract.Command{ID: id.String(), Kind: contract.CommandRelease, Task: task}); err != nil {
		if errors.Is(err, history.ErrTooManyCommands) {
			return conflict("Too many commands wait for client "+client+" already.", "It fetches them when it is back.")
		}
		return err
	}
	a.nudge(r.Context(), client)
	w.Header().Set("Location", Prefix+"/commands/"+url.PathEscape(id.String()))
	return a.answerCommand(w, r, id.String(), http.StatusAccepted)
}

func (a *API) showCommand(w http.ResponseWriter, r *http.Request, _ *params) error {
	return a.answerCommand(w, r, r.PathValue("command"), http.StatusOK)
}

func (a *API) answerCommand(w http.ResponseWriter, r *http.Request, id string, status int) error {
	view, found, err := a.history.CommandState(r.Context(), id)
	if err != nil {
		return err
	}
	if !found {
		return notFound("There is no command "+id+".", "Commands are forgotten a while after they ended.")
	}
	return reply(w, status, view)
}
