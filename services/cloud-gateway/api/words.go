package api

import (
	"context"
	"strings"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// What gateways of one cloud say to each other, where one of them may hold the
// downlink that another one has a command for. The words only make a gateway look
// into the history, or ask the task manager, so that nobody is believed who says
// them; a client whose gateway does not hear one learns it with its next report.
const (
	wordCommands = "commands " // and the client's id
	wordRevoked  = "revoked "  // and who says it
	// revokedLately is how old what another gateway revoked just now may be, in seconds.
	revokedLately = 60.0
	// maxWord is what the broker takes as a kind of question.
	maxWord = 255
)

// nudge makes a client's downlink look for commands, at whichever gateway it is.
func (a *API) nudge(ctx context.Context, client string) {
	if a.links.nudge(client) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	a.beside.Go(func() { a.say(ctx, wordCommands+client) })
}

func (a *API) say(ctx context.Context, word string) {
	if len(word) > maxWord {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if _, err := a.opt.Transport.Ask(ctx, word, 0); err != nil {
		a.log.Debug("other gateways do not hear of a command", "err", err)
	}
}

// Hear takes a word of another gateway, or of this one.
func (a *API) Hear(word string) {
	if client, ok := strings.CutPrefix(word, wordCommands); ok {
		a.links.nudge(client)
		return
	}
	who, ok := strings.CutPrefix(word, wordRevoked)
	if !ok || who == a.id {
		return
	}
	select {
	case a.hearing <- struct{}{}:
	default:
		return // somebody is at it; what comes now is told with the next report
	}
	a.beside.Go(func() {
		defer func() { <-a.hearing }()
		a.tellLinked(context.Background())
	})
}

// tellLinked tells the clients that have their downlink here of what was revoked
// lately, by the task manager's own list.
func (a *API) tellLinked(ctx context.Context) {
	a.revoked.forget()
	ctx, cancel := context.WithTimeout(rpc.WithIdentity(ctx, self), storeTimeout)
	defer cancel()
	for req := (contract.RevocationsRequest{Limit: maxLimit}); ; {
		found, err := call(ctx, a, contract.ListRevocations, req)
		if err != nil {
			a.log.Warn("clients hear of a revocation only when they report next", "err", err)
			return
		}
		for _, r := range found.Revocations {
			if r.Revoked > a.now()-revokedLately {
				a.tellRevoked(ctx, a.links.clients(), contract.RevokeRequest{Digest: r.Digest, TaskID: r.TaskID})
			}
		}
		if req.After = found.Next; len(found.Revocations) < req.Limit {
			return
		}
	}
}
