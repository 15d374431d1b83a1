package api

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

const (
	// maxLinks bounds the downlinks at once.
	maxLinks = 16_384
	// A client is told to come back after leastRetry to mostRetry when its link
	// breaks: the more there are, the later, so that at most returnRate come in a
	// second.
	leastRetry, mostRetry = 200 * time.Millisecond, 30 * time.Second
	returnRate            = 5000
)

// downlink streams what the cloud wants of a client: first what waits for it, then
// all as it comes. A client has one; a newer one ends the older.
//
// There may be ten thousand of these, so each leaves the HTTP server, where it can,
// and has as little as possible of its own.
func (a *API) downlink(w http.ResponseWriter, r *http.Request, q *params) error {
	client, last := r.PathValue("client"), r.Header.Get("Last-Event-ID")
	every := time.Duration(q.number("heartbeat", int(heartbeat/time.Second), 1, 60)) * time.Second
	if len(client) > 256 {
		q.faults["client"] = "is longer than 256 bytes"
	}
	if len(last) > 128 {
		last = "" // none of ours
	}
	if err := q.err(); err != nil {
		return err
	}
	give, ok := take(a.linked)
	if !ok {
		return unavailable("The gateway has as many downlinks as it can.", "Try again in a moment.")
	}
	s := startEvents(w)
	if r.Method == http.MethodHead {
		give()
		w.WriteHeader(http.StatusOK)
		return nil
	}
	ctx, l := r.Context(), a.links.open(client, last)
	a.links.looked(l)
	waiting, sent := a.orders(ctx, l, nil)
	hold := func(ctx context.Context) {
		defer give()
		defer a.links.close(l)
		// Whatever ends it, the client comes back: there is nothing left to answer.
		if err := a.serveLink(ctx, s, l, every, waiting, sent); err != nil {
			a.log.Debug("a downlink broke off", "client", client, "err", err)
		}
	}
	switch conn, err := httpx.Detach(w, r); {
	case err == nil:
		s.w, s.ctl, s.conn, s.draining = nil, nil, conn, httpx.Draining(ctx)
		ctx, left := context.WithCancel(context.WithoutCancel(ctx))
		a.beside.Go(func() {
			defer left()
			a.detached.hold(conn, left, func() { hold(ctx) })
		})
	case errors.Is(err, httpx.ErrNotDetachable):
		hold(ctx)
	default:
		give()
		a.links.close(l)
		a.log.Debug("a downlink broke off", "client", client, "err", err)
	}
	return nil
}

// serveLink sends until the link is replaced, the client leaves or the server drains:
// first what waits, the commands sent.
func (a *API) serveLink(ctx context.Context, s *events, l *link, every time.Duration, waiting []byte, sent map[string]bool) error {
	beat := time.NewTimer(every/2 + rand.N(every/2)) // not all at the same moment, if all came at once
	defer beat.Stop()
	if err := s.write(append(a.links.sign(l), waiting...)); err != nil {
		return err
	}
	for {
		wakes, look, id := a.links.take(l)
		var b []byte
		if look {
			b, sent = a.orders(ctx, l, sent)
		}
		for i, c := range wakes {
			place := ""
			if i == len(wakes)-1 {
				place = id // what came before it has arrived, too
			}
			data, err := json.Marshal(c)
			if err != nil {
				return err
			}
			b = message(b, place, "command", data)
		}
		if len(b) > 0 {
			if err := s.write(b); err != nil {
				return err
			}
			beat.Reset(every)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-httpx.Draining(ctx):
			return s.write(a.links.sign(l)) // when to come back
		case <-l.replaced:
			return s.send("", "replaced", []byte(`{}`))
		case <-l.signal:
			if err := guard.Check(ctx); err != nil {
				return err
			}
		case <-beat.C:
			if err := guard.Check(ctx); err != nil {
				return err
			}
			if err := s.write(a.links.sign(l)); err != nil {
				return err
			}
			beat.Reset(every)
		}
	}
}

// orders appends the commands that wait for a client and that its link has not
// brought yet, and returns those that it has brought then. They wait until the
// client tells how they went, so that a broken link loses none.
func (a *API) orders(ctx context.Context, l *link, sent map[string]bool) ([]byte, map[string]bool) {
	commands, err := a.waiting(ctx, l.client)
	if err != nil {
		a.log.Warn("the commands for a client cannot be read; its next report brings them", "client", l.client, "err", err)
		return nil, sent
	}
	var b []byte
	now := make(map[string]bool, len(commands))
	for _, c := range commands {
		if now[c.ID] = true; sent[c.ID] {
			continue
		}
		data, err := json.Marshal(c)
		if err != nil { // cannot be: texts
			continue
		}
		b = message(b, "", "command", data)
	}
	return b, now
}

// waiting returns the commands that a client has to be brought: those that wait
// for its word.
func (a *API) waiting(ctx context.Context, client string) ([]contract.Command, error) {
	return a.history.Pending(ctx, client)
}

// sign is what shows that a link is there: where a reader resumes, and when.
func (ls *links) sign(l *link) []byte {
	id, retry := ls.place(l)
	b := append([]byte(": \nretry: "), strconv.FormatInt(retry.Milliseconds(), 10)...)
	if id != "" {
		b = append(append(b, "\nid: "...), id...)
	}
	return append(b, "\n\n"...)
}
