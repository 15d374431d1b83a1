package clientgateway

import (
	"context"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxLacking bounds the revocations of one answer; more come with the next.
	maxLacking = 1000
	// relist is how often the client has the whole list told anew, in case that it
	// lost its own.
	relist = time.Hour
)

// revocations is how far the client has come in the cloud's list of revoked
// bundles. It is not on disk: the task manager keeps the bundles, and to hear of
// one again changes nothing there. It belongs to the courier's loop.
type revocations struct {
	reached string                   // the place in the list; "": the beginning
	since   time.Time                // when it was last told from the beginning
	lacking *contract.RevocationList // of the last answer, not taken in yet
	failed  bool                     // the last time; said once in the log
}

// place is what a report tells.
func (r *revocations) place() string {
	if time.Since(r.since) > relist {
		r.reached, r.since = "", time.Now()
	}
	return r.reached
}

// takeIn passes what the last answer brought to the client's task manager, and
// tells whether the cloud has more to tell at once. What could not be passed on
// comes again with the next answer.
func (c *courier) takeIn(ctx context.Context) (more bool) {
	r := &c.revoked
	list := r.lacking
	if r.lacking = nil; list == nil {
		return false
	}
	n := len(list.Revocations)
	if n > 0 {
		req := contract.RevokeRequest{Digest: list.Revocations[0].Digest}
		for _, other := range list.Revocations[1:] {
			req.Others = append(req.Others, other.Digest)
		}
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		if _, err := rpc.Call(ctx, c.transport, contract.RevokeBundle, req); err != nil {
			if !r.failed {
				c.log.Warn("the client's task manager was not told of revoked bundles; it is told again", "bundles", n, "err", err)
			}
			r.failed = true
			return false
		}
		c.log.Info("told the client's task manager of revoked bundles", "bundles", n)
	}
	if r.failed = false; len(list.Next) <= maxPlace {
		r.reached = list.Next
	}
	return n >= maxLacking
}
