package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// livePage is how many entries are read, and sent, at once.
	livePage = 500
	// liveBehind is how many entries a reader may be behind before it is told of a
	// gap: it reads the lists anew for less than a replay would cost.
	liveBehind = 20_000
	// livePause gathers what happens close together, and bounds how often a stream
	// looks into the history.
	livePause = 50 * time.Millisecond
)

// live streams what is stored, as it is stored.
func (a *API) live(w http.ResponseWriter, r *http.Request, q *params) error {
	words := q.words("kinds", string(contract.RecordEvent), string(contract.RecordRound), string(contract.RecordExecution), string(contract.RecordClient))
	kinds := make([]contract.RecordKind, len(words))
	for i, word := range words {
		kinds[i] = contract.RecordKind(word)
	}
	return a.follow(w, r, q, kinds)
}

// liveEvents is live for events alone.
func (a *API) liveEvents(w http.ResponseWriter, r *http.Request, q *params) error {
	return a.follow(w, r, q, []contract.RecordKind{contract.RecordEvent})
}

func (a *API) follow(w http.ResponseWriter, r *http.Request, q *params, kinds []contract.RecordKind) error {
	f := follower{store: a.history, filter: history.Filter{Kinds: kinds, Task: q.text("task", 256), Client: q.text("client", 256)}}
	after := q.text("after", 20)
	if last := r.Header.Get("Last-Event-ID"); last != "" { // a reader that comes back still has the old URL
		after = last
	}
	f.after = a.history.LastSeq()
	if after != "" {
		n, err := strconv.ParseInt(after, 10, 64)
		if err != nil || n < 0 {
			q.faults["after"] = "is not the id of a message of this stream"
		}
		f.after = n
	}
	if err := q.err(); err != nil {
		return err
	}
	return serveEvents(w, r, func(ctx context.Context, s *events) error {
		if err := f.run(ctx, s); ctx.Err() == nil {
			a.log.Debug("a live stream broke off", "err", err)
		}
		return nil
	})
}

// follower sends entries beyond a seq. The history is its queue: a reader that is
// slow falls behind there and holds nothing up.
type follower struct {
	store  *history.Store
	filter history.Filter
	after  int64 // everything up to this seq was sent, or is not wanted
}

func (f *follower) run(ctx context.Context, s *events) error {
	if err := f.mark(s, "hello"); err != nil {
		return err
	}
	for {
		if err := f.skip(ctx, s); err != nil {
			return err
		}
		more, err := f.send(ctx, s)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if err := s.pause(ctx, livePause); err != nil {
			return err
		}
		if err := f.wait(ctx); err != nil {
			return err
		}
		if err := s.beat(); err != nil {
			return err
		}
	}
}

// skip leaves out what has been pruned and what is too far behind, and says so.
func (f *follower) skip(ctx context.Context, s *events) error {
	first, err := f.store.FirstSeq(ctx)
	if err != nil {
		return err
	}
	last := f.store.LastSeq()
	// Beyond the last: the history is another one than the reader's.
	if f.after <= last && f.after >= first-1 && last-f.after <= liveBehind {
		return nil
	}
	f.after = last
	return f.mark(s, "gap")
}

// mark sends where the stream is.
func (f *follower) mark(s *events, event string) error {
	seq := strconv.FormatInt(f.after, 10)
	return s.send(seq, event, []byte(`{"seq":`+seq+`}`))
}

// send sends the next entries, and tells whether there may be more at once.
func (f *follower) send(ctx context.Context, s *events) (more bool, err error) {
	last := f.store.LastSeq() // before reading: what comes meanwhile is for the next time
	if last <= f.after {
		return false, nil
	}
	entries, err := f.store.Since(ctx, f.filter, f.after, livePage)
	if err != nil {
		return false, err
	}
	var b []byte
	for _, e := range entries {
		data, err := json.Marshal(e)
		if err != nil {
			return false, err
		}
		b = message(b, strconv.FormatInt(e.Seq, 10), string(e.Kind), data)
		f.after = e.Seq
	}
	if len(entries) < livePage { // the rest is of no interest here
		f.after = max(f.after, last)
	}
	s.id = strconv.FormatInt(f.after, 10)
	if len(b) == 0 {
		return false, nil
	}
	return len(entries) == livePage, s.write(b)
}

// wait waits for news, for as long as a heartbeat at most.
func (f *follower) wait(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	err := f.store.Wait(wait, f.after)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}
