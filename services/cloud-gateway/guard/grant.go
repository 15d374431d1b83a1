package guard

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Grant says who may use a route. The zero Grant admits nobody, so that each route
// says whom it admits.
type Grant int

// The grants; operators of a greater role may what those of a lesser one may.
const (
	_        Grant = iota
	Anyone         // also who has shown nothing
	Viewer         // operators that may look
	Operator       // operators that may change something
	Admin          // operators that manage accounts
	Client         // the client that the path names, and operators that may change something
)

func (g Grant) role() contract.Role {
	switch g {
	case Viewer:
		return contract.RoleViewer
	case Operator, Client:
		return contract.RoleOperator
	case Admin:
		return contract.RoleAdmin
	}
	return ""
}

// Admit finds out who makes a request and whether the route's grant admits them;
// client is the one that the path names, or "". It returns the request with its
// caller or, with a [Refusal], as it came.
func (g *Guard) Admit(r *http.Request, grant Grant, client string) (*http.Request, error) {
	if g == nil {
		return r, nil
	}
	c, err := g.identify(r)
	if err != nil {
		return r, err
	}
	if err := c.may(grant, client); err != nil {
		return r, err
	}
	return c.with(r), nil
}

func (c caller) may(grant Grant, client string) error {
	switch {
	case grant == Anyone:
		return nil
	case c.id.Kind == rpc.Nobody:
		return unknown(c.why)
	case c.id.Kind == rpc.Operator && c.id.Role.Covers(grant.role()):
		return nil
	case c.id.Kind == rpc.Operator:
		return c.lacks(grant.role())
	case c.id.Kind == rpc.Client && grant == Client && c.id.Name == client:
		return nil
	}
	return forbidden("You are "+c.id.String()+", and a client may do for itself alone what its work needs.", "Sign in as an operator.")
}

func (c caller) lacks(role contract.Role) error {
	return forbidden("You are "+c.id.String()+" with the role "+string(c.id.Role)+"; this wants the role "+string(role)+".", "Ask an admin.")
}

// AdmitCall is Admit for a call of one of the cloud's functions, by the
// contract's grants.
func (g *Guard) AdmitCall(r *http.Request, function string) (*http.Request, error) {
	if g == nil {
		return r, nil
	}
	c, err := g.identify(r)
	if err != nil {
		return r, err
	}
	switch {
	case c.id.Kind == rpc.Nobody && c.token == "" && g.peers && contract.PeersMay(function):
	case c.id.Kind == rpc.Nobody:
		return r, unknown(c.why)
	case c.id.May(function):
	case c.id.Kind == rpc.Operator:
		return r, c.lacks(contract.GrantOf(function).Role)
	default:
		return r, forbidden("You are "+c.id.String()+", and clients may not call "+function+".", "Sign in as an operator.")
	}
	return c.with(r), nil
}

// Own holds a call of a client to its own name: the body must name it as user_id.
// It returns the body to forward, in which that is told once. Bodies of others are
// returned as they came.
func (g *Guard) Own(r *http.Request, body []byte) ([]byte, error) {
	id := rpc.IdentityFrom(r.Context())
	if g == nil || id.Kind != rpc.Client {
		return body, nil
	}
	refusal := forbidden("You are "+id.String()+", and may call this in your own name only.", "Send your own id as user_id.")
	var fields map[string]json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&fields); err != nil {
		return nil, refusal
	}
	var named string
	if err := json.Unmarshal(fields["user_id"], &named); err != nil || named != id.Name {
		return nil, refusal
	}
	for name := range fields { // what reads names whatever their case must not find another
		if name != "user_id" && strings.EqualFold(name, "user_id") {
			return nil, refusal
		}
	}
	return json.Marshal(fields)
}
