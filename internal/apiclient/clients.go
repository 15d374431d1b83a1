package apiclient

import (
	"context"
	"iter"

	"github.com/agata-fl/agata/pkg/contract"
)

// ClientLine is a line of the list of clients.
type ClientLine struct {
	contract.User
	LastSeen    float64              `json:"last_seen"` // unix seconds; 0: never
	Online      bool                 `json:"online"`
	Running     []contract.Execution `json:"running"`
	Quarantined int                  `json:"quarantined"`
	Policy      string               `json:"policy"`
}

// ClientDetail is what the cloud knows of a client, and what it told last of itself.
type ClientDetail struct {
	contract.User
	LastSeen float64               `json:"last_seen"` // unix seconds; 0: never
	Online   bool                  `json:"online"`
	State    *contract.ClientState `json:"state"`
}

// Clients lists clients; query is a part of their id.
func (c *Client) Clients(ctx context.Context, query string, limit int) iter.Seq2[Object[ClientLine], error] {
	return each[ClientLine](ctx, c, path("clients"), values("q", query), "clients", limit)
}

// Client returns what the cloud knows of a client.
func (c *Client) Client(ctx context.Context, id string) (Object[ClientDetail], error) {
	if err := checkID(id, contract.UserNotRegistered); err != nil {
		return Object[ClientDetail]{}, err
	}
	return get[ClientDetail](ctx, c, path("clients", id), nil)
}

// CommandView is how something stands that a client was asked to do.
type CommandView struct {
	contract.Command
	Client  string  `json:"client"`
	State   string  `json:"state"`   // pending, done or failed
	Error   string  `json:"error"`   // of a failed one
	Created float64 `json:"created"` // unix seconds
	Ended   float64 `json:"ended"`   // unix seconds; 0: it has not
}

// The states of a [CommandView].
const (
	CommandPending = "pending"
	CommandDone    = "done"
	CommandFailed  = "failed"
)

// Release asks a client to run a task again that it keeps from running. It does
// when it reports next.
func (c *Client) Release(ctx context.Context, client, task string) (v Object[CommandView], err error) {
	if err := checkID(client, contract.UserNotRegistered); err != nil {
		return v, err
	}
	if err := checkID(task, contract.TaskNotRegistered); err != nil {
		return v, err
	}
	return post[CommandView](ctx, c, path("clients", client, "quarantine", task, "release"), struct{}{})
}

// Command tells how a command stands.
func (c *Client) Command(ctx context.Context, id string) (Object[CommandView], error) {
	return get[CommandView](ctx, c, path("commands", id), nil)
}
