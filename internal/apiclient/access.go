package apiclient

import (
	"context"
	"net/http"

	"github.com/agata-fl/agata/pkg/contract"
)

// Operator is an account at the cloud.
type Operator struct {
	Name string        `json:"name"`
	Role contract.Role `json:"role"`
}

// Session tells as whom the gateway knows this client.
type Session struct {
	Operator *Operator `json:"operator"` // nil: nobody
	Open     bool      `json:"open"`     // this cloud asks for no credentials
	Token    string    `json:"token"`    // of a sign-in
	Expires  float64   `json:"expires"`  // unix seconds; 0: by itself it does not
}

// SignIn opens a session and returns its token, which is for [Options].
func (c *Client) SignIn(ctx context.Context, name, password string) (Object[Session], error) {
	return submit[Session](ctx, c, path("session"), map[string]any{"name": name, "password": password, "token": true})
}

// Session tells as whom the gateway knows this client.
func (c *Client) Session(ctx context.Context) (Object[Session], error) {
	return get[Session](ctx, c, path("session"), nil)
}

// SignOut ends the session that this client shows.
func (c *Client) SignOut(ctx context.Context) error {
	_, err := c.ask(ctx, request{method: http.MethodDelete, path: path("session")}, nil)
	return err
}

// Operators are the accounts of a cloud.
type Operators struct {
	Operators []Operator `json:"operators"`
}

// Operators lists the accounts.
func (c *Client) Operators(ctx context.Context) (Object[Operators], error) {
	return get[Operators](ctx, c, path("operators"), nil)
}

// AddOperator makes an account.
func (c *Client) AddOperator(ctx context.Context, name string, role contract.Role, password string) error {
	_, err := submit[Operator](ctx, c, path("operators"), map[string]any{"name": name, "role": role, "password": password})
	return err
}

// ChangeOperator changes an account: its role or its password, unless they are
// empty. old is the password that one's own has now.
func (c *Client) ChangeOperator(ctx context.Context, name string, role contract.Role, old, password string) error {
	body := map[string]any{}
	for key, value := range map[string]string{"role": string(role), "old_password": old, "password": password} {
		if value != "" {
			body[key] = value
		}
	}
	_, err := c.ask(ctx, request{method: http.MethodPatch, path: path("operators", name), body: body}, nil)
	return err
}

// RemoveOperator removes an account and ends its sessions.
func (c *Client) RemoveOperator(ctx context.Context, name string) error {
	_, err := c.ask(ctx, request{method: http.MethodDelete, path: path("operators", name)}, nil)
	return err
}

// Issued is a token that the cloud made; it tells it this once.
type Issued struct {
	Token   string  `json:"token"`
	Expires float64 `json:"expires"` // unix seconds
}

// NewToken makes a token with the rights of who asks, for scripts.
func (c *Client) NewToken(ctx context.Context, label string, days int) (Object[Issued], error) {
	return submit[Issued](ctx, c, path("tokens"), map[string]any{"label": label, "days": days})
}

// Enrol makes a token with which a client enrols once; client "" lets it take any
// id that has no credential.
func (c *Client) Enrol(ctx context.Context, client string, hours int) (Object[Issued], error) {
	body := map[string]any{"hours": hours}
	if client != "" {
		body["client"] = client
	}
	return submit[Issued](ctx, c, path("enrolments"), body)
}

// Join spends an enrolment token and returns the client's credential.
func (c *Client) Join(ctx context.Context, token, userID string) (string, error) {
	var answer struct {
		Credential string `json:"credential"`
	}
	_, err := c.ask(ctx, request{method: http.MethodPost, path: path("enrol"), body: map[string]any{"token": token, "user_id": userID}}, &answer)
	return answer.Credential, err
}

// RevokeClient ends what a client's credential is good for.
func (c *Client) RevokeClient(ctx context.Context, client string) error {
	_, err := c.ask(ctx, request{method: http.MethodDelete, path: path("clients", client, "credential")}, nil)
	return err
}

// UploadTicket is a token for the file service, for the files of one task.
func (c *Client) UploadTicket(ctx context.Context, task string) (Object[Issued], error) {
	if err := checkID(task, contract.TaskNotRegistered); err != nil {
		return Object[Issued]{}, err
	}
	return submit[Issued](ctx, c, path("tasks", task, "upload-ticket"), struct{}{})
}

// submit posts without a key: the gateway keeps the answers to requests that have
// one, and secrets must not be among them.
func submit[T any](ctx context.Context, c *Client, path string, body any) (v Object[T], err error) {
	_, err = c.ask(ctx, request{method: http.MethodPost, path: path, body: body}, &v)
	return v, err
}
