package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// revokedAgain is how old the end of the list of revocations may be before
	// somebody who reports has it read again, and revokedWait how long he waits.
	revokedAgain = 2 * time.Second
	revokedWait  = 500 * time.Millisecond
	// heardLately is how long ago a client may have been heard of that is told of a
	// revocation at once, in seconds. Any other lacks it when it is back.
	heardLately = 10 * 60.0
)

// RevocationPage is a page of the bundles that must not run any more.
type RevocationPage struct {
	Revocations []contract.Revocation `json:"revocations"`
	Next        string                `json:"next,omitempty"`
	Total       int                   `json:"total"`
}

func (a *API) listRevocations(w http.ResponseWriter, r *http.Request, q *params) error {
	req := contract.RevocationsRequest{After: q.text("cursor", 64), Limit: q.limit()}
	if err := q.err(); err != nil {
		return err
	}
	found, err := call(r.Context(), a, contract.ListRevocations, req)
	if err != nil {
		return err
	}
	page := RevocationPage{Revocations: list(found.Revocations), Total: found.Total}
	if len(found.Revocations) == req.Limit {
		page.Next = found.Next
	}
	return reply(w, http.StatusOK, page)
}

// revoke keeps a bundle from running, for good: at the cloud before it answers,
// and at its clients as soon as they hear of it.
func (a *API) revoke(w http.ResponseWriter, r *http.Request, _ *params) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	if _, ok := o["others"]; ok {
		return badFields(map[string]string{"others": "is not a field of this request"})
	}
	body, err := a.checked(contract.RevokeBundle.Name, o, nil)
	if err != nil {
		return err
	}
	var req contract.RevokeRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return err
	}
	if _, err := a.forward.Raw(r.Context(), contract.RevokeBundle.Name, body); err != nil {
		return serverFault(contract.RevokeBundle.Name, err)
	}
	a.revoked.forget()
	clients := a.history.SeenSince(a.now() - heardLately)
	ctx := context.WithoutCancel(r.Context())
	a.beside.Go(func() {
		a.tellRevoked(ctx, clients, req)
		a.say(ctx, wordRevoked+a.id)
	})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// tellRevoked puts the revocation among the commands that wait for clients. One
// that cannot be told so lacks it in its next report.
func (a *API) tellRevoked(ctx context.Context, clients []string, req contract.RevokeRequest) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for _, client := range clients {
		id, err := uuid.NewV7()
		if err == nil {
			err = a.history.Command(ctx, client, contract.Command{ID: id.String(), Kind: contract.CommandRevoke, Task: req.TaskID, Digest: req.Digest})
		}
		if err != nil && !errors.Is(err, history.ErrTooManyCommands) {
			a.log.Warn("clients hear of a revocation only when they report next", "digest", req.Digest, "client", client, "err", err)
			return
		}
		a.links.nudge(client)
	}
}

// lacking returns the revocations after the place that a client has reached; nil
// if there are none, or if that cannot be learnt now. A client that tells of no
// place knows of no revocations.
func (a *API) lacking(ctx context.Context, place *string) *contract.RevocationList {
	if place == nil || len(*place) > 64 {
		return nil
	}
	// The list is the gateway's to read, whoever reports.
	ctx, cancel := context.WithTimeout(rpc.WithIdentity(ctx, self), revokedWait)
	defer cancel()
	end, ok := a.endOfRevocations(ctx)
	if !ok || end == *place {
		return nil
	}
	found, err := call(ctx, a, contract.ListRevocations, contract.RevocationsRequest{After: *place, Limit: maxLimit})
	if err != nil {
		a.log.Debug("the revocations that a client lacks cannot be read now", "err", err)
		return nil
	}
	for i := range found.Revocations { // a client needs no more
		found.Revocations[i].TaskID, found.Revocations[i].Reason = "", ""
	}
	found.Revocations = list(found.Revocations)
	return &found
}

// revokedEnd remembers for a moment where the list of revocations ends, so that
// not every report asks.
type revokedEnd struct {
	mu    sync.Mutex
	place string
	known bool
	at    time.Time // of the last question; its failure is remembered, too
}

func (e *revokedEnd) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = time.Time{}
}

// endOfRevocations is the place of the list's end; false if it is not known now.
func (a *API) endOfRevocations(ctx context.Context) (place string, ok bool) {
	e := &a.revoked
	e.mu.Lock()
	defer e.mu.Unlock()
	if a.opt.Now().Sub(e.at) < revokedAgain {
		return e.place, e.known
	}
	e.known = false
	for {
		found, err := call(ctx, a, contract.ListRevocations, contract.RevocationsRequest{After: e.place, Limit: maxLimit})
		if e.at = a.opt.Now(); err != nil {
			a.log.Debug("the list of revocations cannot be read now", "err", err)
			return "", false
		}
		e.place = found.Next
		if len(found.Revocations) < maxLimit {
			e.known = true
			return e.place, true
		}
	}
}
