package api

import (
	"context"
	"net/http"

	"github.com/agata-fl/agata/internal/ticket"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// IssuedTicket opens the files of one task at the file service, to write them;
// an open cloud needs none, and the token is "".
type IssuedTicket struct {
	Token   string  `json:"token"`
	Expires float64 `json:"expires,omitempty"` // unix seconds
}

// uploadTicket is for those who send many files at once to the file service.
func (a *API) uploadTicket(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	answer := IssuedTicket{}
	if !a.opt.Key.IsZero() {
		text, expires, err := ticket.Mint(a.opt.Key, ticket.Upload, r.PathValue("id"), rpc.IdentityFrom(r.Context()), a.opt.Now())
		if err != nil {
			return err
		}
		answer = IssuedTicket{text, float64(expires.Unix())}
	}
	return reply(w, http.StatusCreated, answer)
}

// admit makes a request to the file service one that it takes: by a ticket in the
// name of who asks or, in an open cloud, by the task's password.
func (a *API) admit(ctx context.Context, req *http.Request, use ticket.Use, task contract.Task) error {
	if a.opt.Key.IsZero() {
		req.SetBasicAuth(task.Username, task.Password)
		return nil
	}
	text, _, err := ticket.Mint(a.opt.Key, use, task.ID, rpc.IdentityFrom(ctx), a.opt.Now())
	req.Header.Set("Authorization", "Bearer "+text)
	return err
}
