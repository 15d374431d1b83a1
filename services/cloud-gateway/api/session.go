package api

import (
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// OperatorName is who signed in.
type OperatorName struct {
	Name string        `json:"name"`
	Role contract.Role `json:"role"`
}

// SessionView tells whether credentials are asked for, and who has signed in.
type SessionView struct {
	Operator *OperatorName `json:"operator"`
	Open     bool          `json:"open"` // no credentials are asked for
}

// SessionStart is a session that has begun. The token is in a cookie unless it was
// asked for.
type SessionStart struct {
	Operator OperatorName `json:"operator"`
	Expires  float64      `json:"expires"` // at the latest, in unix seconds
	Token    string       `json:"token,omitempty"`
}

func (a *API) showSession(w http.ResponseWriter, r *http.Request, _ *params) error {
	view := SessionView{Open: a.opt.Guard.Access() == nil}
	if id := rpc.IdentityFrom(r.Context()); id.Kind == rpc.Operator {
		view.Operator = &OperatorName{id.Name, id.Role}
	}
	return reply(w, http.StatusOK, view)
}

func (a *API) signIn(w http.ResponseWriter, r *http.Request, _ *params) error {
	var name, password string
	var token bool
	if err := readFields(r, map[string]any{"name": &name, "password": &password, "token": &token}); err != nil {
		return err
	}
	if err := required(map[string]string{"name": name, "password": password}); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	if err := a.opt.Guard.SignIn(r, name); err != nil {
		return err
	}
	in, err := accounts.SignIn(r.Context(), name, password)
	if err != nil {
		if rpc.CodeOf(err) == rpc.Unauthorized {
			a.log.Warn("somebody failed to sign in", "remote", r.RemoteAddr)
			aboutAccount(r, accounts, name)
		}
		return err
	}
	about(r, in.Name)
	if old, ok := session(r); ok && !token { // the browser's cookie is replaced
		if err := accounts.SignOut(r.Context(), old); err != nil {
			return err
		}
	}
	a.log.Info("an operator signed in", "operator", in.Name, "role", in.Role, "remote", r.RemoteAddr)
	answer := SessionStart{Operator: OperatorName{in.Name, in.Role}, Expires: float64(in.Ends.UnixMilli()) / 1e3}
	if token {
		answer.Token = in.Token
	} else {
		http.SetCookie(w, sessionCookie(r, in.Token, in.Ends))
	}
	return reply(w, http.StatusCreated, answer)
}

// aboutAccount notes the name of an attempt to sign in, if it is an account's: a
// password is easily typed where the name belongs, and no log is to have it.
func aboutAccount(r *http.Request, accounts *access.Store, name string) {
	if known, err := accounts.HasOperator(r.Context(), name); err == nil && known {
		about(r, name)
	}
}

func (a *API) signOut(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	if token, ok := session(r); ok {
		if err := a.opt.Guard.Access().SignOut(r.Context(), token); err != nil {
			return err
		}
	}
	http.SetCookie(w, sessionCookie(r, "", time.Unix(0, 0)))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// session is the token of the session in which a request is made.
func session(r *http.Request) (token string, ok bool) {
	token = guard.Token(r.Context())
	return token, rpc.IdentityFrom(r.Context()).Kind == rpc.Operator && access.KindOf(token) == access.Session
}

// sessionCookie is kept from scripts and from what other sites ask a browser for.
func sessionCookie(r *http.Request, token string, ends time.Time) *http.Cookie {
	cookie := &http.Cookie{Name: guard.Cookie, Value: token, Path: "/", Expires: ends, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil}
	if token == "" {
		cookie.MaxAge = -1
	}
	return cookie
}
