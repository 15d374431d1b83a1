package apiclient

import (
	"context"
	"iter"
	"net/http"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
)

// Revoke keeps a bundle from running, for good. To revoke it again changes nothing.
func (c *Client) Revoke(ctx context.Context, req contract.RevokeRequest) error {
	_, err := c.ask(ctx, request{method: http.MethodPost, path: path("revocations"), body: req,
		header: http.Header{"Idempotency-Key": {uuid.NewString()}}}, nil)
	return err
}

// Revocations lists the bundles that must not run any more, in the order in which
// they were revoked; at most limit, 0 is all.
func (c *Client) Revocations(ctx context.Context, limit int) iter.Seq2[Object[contract.Revocation], error] {
	return each[contract.Revocation](ctx, c, path("revocations"), nil, "revocations", limit)
}
