package api

import (
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/rpc"
)

// defaultHours is how long an enrolment token is valid when nothing is said.
const defaultHours = 24

// NewEnrolment is a token with which a client gets a credential, once.
type NewEnrolment struct {
	Token   string  `json:"token"`
	Client  string  `json:"client,omitempty"` // "": any that has no credential
	Expires float64 `json:"expires"`          // unix seconds
}

// NewCredential is a client's, and will not be told again.
type NewCredential struct {
	Credential string `json:"credential"`
}

// CredentialView tells whether a client has a credential.
type CredentialView struct {
	Credential bool    `json:"credential"`
	Created    float64 `json:"created,omitempty"` // unix seconds
	By         string  `json:"by,omitempty"`      // the operator who let it enrol
}

func (a *API) newEnrolment(w http.ResponseWriter, r *http.Request, _ *params) error {
	client, hours := "", defaultHours
	if err := readFields(r, map[string]any{"client": &client, "hours": &hours}); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	about(r, client)
	by := rpc.IdentityFrom(r.Context())
	token, expires, err := accounts.NewEnrolment(r.Context(), by.Name, client, lifeOf(hours, time.Hour, access.MaxEnrolmentLife))
	if err != nil {
		return fieldFault(err)
	}
	a.log.Info("an enrolment token was made", "client", client, "by", by.String())
	return reply(w, http.StatusCreated, NewEnrolment{Token: token, Client: client, Expires: float64(expires.UnixMilli()) / 1e3})
}

// enrol needs no credential but the token, which is in the body.
func (a *API) enrol(w http.ResponseWriter, r *http.Request, _ *params) error {
	var token, client string
	if err := readFields(r, map[string]any{"token": &token, "user_id": &client}); err != nil {
		return err
	}
	if err := required(map[string]string{"token": token, "user_id": client}); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	about(r, client)
	credential, err := accounts.Enrol(r.Context(), token, client)
	if err != nil {
		a.log.Debug("a client failed to enrol", "remote", r.RemoteAddr, "err", err)
		return err
	}
	a.log.Info("a client enrolled", "client", client, "remote", r.RemoteAddr)
	return reply(w, http.StatusCreated, NewCredential{credential})
}

func (a *API) showCredential(w http.ResponseWriter, r *http.Request, _ *params) error {
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	about, has, err := accounts.ClientCredential(r.Context(), r.PathValue("client"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, CredentialView{Credential: has, Created: about.Created, By: about.By})
}

func (a *API) revokeCredential(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	client := r.PathValue("client")
	if err := accounts.RevokeCredential(r.Context(), client); err != nil {
		return err
	}
	a.log.Info("a client's credential was revoked", "client", client, "by", rpc.IdentityFrom(r.Context()).String())
	w.WriteHeader(http.StatusNoContent)
	return nil
}
