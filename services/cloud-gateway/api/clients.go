package api

import (
	"net/http"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// onlineFor is how long after its last sign a client counts as there, in seconds.
const onlineFor = 60

// ClientLine is a line of the list of clients.
type ClientLine struct {
	contract.User
	LastSeen    float64              `json:"last_seen"` // unix seconds; 0: never
	Online      bool                 `json:"online"`
	Running     []contract.Execution `json:"running"`
	Quarantined int                  `json:"quarantined"` // tasks that it keeps from running
	Policy      string               `json:"policy"`      // "" before it told
}

// ClientList is a page of clients.
type ClientList struct {
	Clients []ClientLine `json:"clients"`
	Next    string       `json:"next,omitempty"`
	Total   int          `json:"total"`
}

// ClientDetail is a client, and what it told last of itself.
type ClientDetail struct {
	contract.User
	LastSeen float64               `json:"last_seen"` // unix seconds; 0: never
	Online   bool                  `json:"online"`
	State    *contract.ClientState `json:"state,omitempty"`
}

func (a *API) online(lastSeen float64) bool { return a.now()-lastSeen <= onlineFor }

func (a *API) listClients(w http.ResponseWriter, r *http.Request, q *params) error {
	req := contract.ListRequest{After: q.cursor(), Limit: q.limit(), Query: q.text("q", 256)}
	if err := q.err(); err != nil {
		return err
	}
	page, err := call(r.Context(), a, contract.ListUsers, req)
	if err != nil {
		return err
	}
	ids := make([]string, len(page.Users))
	for i, u := range page.Users {
		ids[i] = u.ID
	}
	views, err := a.history.Clients(r.Context(), ids)
	if err != nil {
		return err
	}
	answer := ClientList{Clients: make([]ClientLine, len(page.Users)), Next: page.Next, Total: page.Total}
	for i, u := range page.Users {
		answer.Clients[i] = a.line(u, views[u.ID])
	}
	return reply(w, http.StatusOK, answer)
}

func (a *API) line(u contract.User, view history.ClientView) ClientLine {
	u.Sensors = list(u.Sensors)
	line := ClientLine{User: u, LastSeen: view.LastSeen, Online: a.online(view.LastSeen), Running: []contract.Execution{}}
	if view.State != nil {
		line.Running, line.Policy = list(view.State.Running), view.State.Policy
		for _, held := range view.State.Quarantined {
			if holds(held, a.now()) {
				line.Quarantined++
			}
		}
	}
	return line
}

func (a *API) showClient(w http.ResponseWriter, r *http.Request, _ *params) error {
	id := r.PathValue("client")
	user, err := a.client(r, id)
	if err != nil {
		return err
	}
	view, _, err := a.history.Client(r.Context(), id)
	if err != nil {
		return err
	}
	user.Sensors = list(user.Sensors)
	answer := ClientDetail{User: user, LastSeen: view.LastSeen, Online: a.online(view.LastSeen), State: view.State}
	if s := answer.State; s != nil {
		s.Running, s.Quarantined = list(s.Running), list(s.Quarantined)
	}
	return reply(w, http.StatusOK, answer)
}

// client asks for a client's record.
func (a *API) client(r *http.Request, id string) (contract.User, error) {
	return call(r.Context(), a, contract.GetUser, contract.UserIDRequest{UserID: id})
}
