package api

import (
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/rpc"
)

// defaultDays is how long an API token is valid when nothing is said.
const defaultDays = 30

// TokenList is the caller's API tokens.
type TokenList struct {
	Tokens []access.Token `json:"tokens"`
}

// NewToken is an API token that was made, and will not be told again.
type NewToken struct {
	access.Token
	Secret string `json:"token"`
}

func (a *API) listTokens(w http.ResponseWriter, r *http.Request, _ *params) error {
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	list, err := accounts.Tokens(r.Context(), rpc.IdentityFrom(r.Context()).Name)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, TokenList{list})
}

// newToken makes an API token in a session alone: one that could make others
// would never expire.
func (a *API) newToken(w http.ResponseWriter, r *http.Request, _ *params) error {
	label, days := "", defaultDays
	if err := readFields(r, map[string]any{"label": &label, "days": &days}); err != nil {
		return err
	}
	if err := required(map[string]string{"label": label}); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	if _, ok := session(r); !ok {
		return &fault{status: http.StatusForbidden, code: "forbidden", detail: "An API token makes no other.", hint: "Sign in with your password."}
	}
	about(r, label)
	id := rpc.IdentityFrom(r.Context())
	secret, about, err := accounts.NewToken(r.Context(), id.Name, label, lifeOf(days, 24*time.Hour, access.MaxTokenLife))
	if err != nil {
		return fieldFault(err)
	}
	a.log.Info("an API token was made", "operator", id.Name, "token_id", about.ID)
	return reply(w, http.StatusCreated, NewToken{about, secret})
}

func (a *API) revokeToken(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	if err := accounts.RevokeToken(r.Context(), rpc.IdentityFrom(r.Context()).Name, r.PathValue("token")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
