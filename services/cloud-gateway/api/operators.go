package api

import (
	"net/http"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// OperatorList is every operator's account.
type OperatorList struct {
	Operators []access.Account `json:"operators"`
}

func (a *API) listOperators(w http.ResponseWriter, r *http.Request, _ *params) error {
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	list, err := accounts.Operators(r.Context())
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, OperatorList{list})
}

func (a *API) addOperator(w http.ResponseWriter, r *http.Request, _ *params) error {
	var name, password string
	var role contract.Role
	if err := readFields(r, map[string]any{"name": &name, "role": &role, "password": &password}); err != nil {
		return err
	}
	if err := required(map[string]string{"name": name, "role": string(role), "password": password}); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	about(r, name+" as "+string(role))
	if err := accounts.AddOperator(r.Context(), name, role, password); err != nil {
		return fieldFault(err)
	}
	a.log.Info("an operator was added", "operator", name, "role", role, "by", rpc.IdentityFrom(r.Context()).String())
	return reply(w, http.StatusCreated, OperatorName{name, role})
}

// changeOperator changes an account: an admin every one, and each operator the
// password of the own one, for which the old one is wanted: a session that was
// left open is not enough.
func (a *API) changeOperator(w http.ResponseWriter, r *http.Request, _ *params) error {
	var role *contract.Role
	var password, old *string
	if err := readFields(r, map[string]any{"role": &role, "password": &password, "old_password": &old}); err != nil {
		return err
	}
	if role == nil && password == nil {
		return badFields(map[string]string{"role": "is required, or a password", "password": "is required, or a role"})
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	id, name := rpc.IdentityFrom(r.Context()), r.PathValue("name")
	own := id.Name == name
	if !id.Role.Covers(contract.RoleAdmin) && (!own || role != nil) {
		return &fault{status: http.StatusForbidden, code: "forbidden", detail: "You may change your own password only.", hint: "Ask an admin."}
	}
	change := access.Change{Role: role, Password: password}
	switch {
	case password != nil && own:
		if old == nil {
			return badFields(map[string]string{"old_password": "is required to change your own password"})
		}
		if err := a.opt.Guard.SignIn(r, name); err != nil {
			return err
		}
		if err := accounts.VerifyPassword(r.Context(), name, *old); rpc.CodeOf(err) == rpc.Unauthorized {
			return badFields(map[string]string{"old_password": "is wrong"})
		} else if err != nil {
			return err
		}
		change.Keep = guard.Token(r.Context())
	case old != nil:
		return badFields(map[string]string{"old_password": "goes with a new password of your own"})
	}
	if err := accounts.ChangeOperator(r.Context(), name, change); err != nil {
		return fieldFault(err)
	}
	a.log.Info("an operator was changed", "operator", name, "role", role != nil, "password", password != nil, "by", id.String())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) removeOperator(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	accounts, err := a.accounts()
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if err := accounts.RemoveOperator(r.Context(), name); err != nil {
		return err
	}
	a.log.Info("an operator was removed", "operator", name, "by", rpc.IdentityFrom(r.Context()).String())
	w.WriteHeader(http.StatusNoContent)
	return nil
}
