package rpc

import (
	"context"

	"github.com/agata-fl/agata/pkg/contract"
)

// Kind says what somebody is. The set is closed.
type Kind string

// The kinds. Nobody is who has shown no credentials.
const (
	Nobody   Kind = ""
	Operator Kind = "operator"
	Client   Kind = "client"
	Service  Kind = "service"
)

// Identity is who asks for something, as the one vouches who has seen its
// credentials. The zero Identity is nobody.
type Identity struct {
	Kind Kind          `json:"kind"`
	Name string        `json:"name"`           // the operator's, the client's user id, or the service's
	Role contract.Role `json:"role,omitempty"` // of an operator
}

// String is the identity as logs name it, such as "operator ada".
func (i Identity) String() string {
	if i.Kind == Nobody {
		return "nobody"
	}
	return string(i.Kind) + " " + i.Name
}

// May tells whether the identity may call a function; for a client, whether it
// may in its own name.
func (i Identity) May(function string) bool {
	grant := contract.GrantOf(function)
	switch i.Kind {
	case Service:
		return true
	case Operator:
		return i.Role.Covers(grant.Role)
	case Client:
		return grant.Client
	}
	return false
}

type identityKey struct{}

// WithIdentity returns a context whose calls are made in the name of an identity.
func WithIdentity(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// IdentityFrom returns the context's identity: in a function, that of its caller.
func IdentityFrom(ctx context.Context) Identity {
	i, _ := ctx.Value(identityKey{}).(Identity)
	return i
}
