package apiclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/agata-fl/agata/internal/sse"
	"github.com/agata-fl/agata/pkg/rpc"
)

// maxPause is the longest time between two tries to open a stream again.
const maxPause = 10 * time.Second

var errStalled = errors.New("nothing came any more, not even a heartbeat")

// handlerError is an error of the caller's own, which ends a stream.
type handlerError struct{ error }

// stream is a live stream that goes on over broken connections and restarts of
// the gateway: it is opened again after the last message that came.
type stream struct {
	path  string
	query func(after string) url.Values
	after string // the id of the last message
	on    func(sse.Message) error
	// away is told, once an absence, that the stream broke; nil: nobody.
	away func(error)
}

// follow reads a stream until ctx ends, which is nil, the server ends it with 204,
// which is nil too, on returns an error, which is returned, or the gateway refuses
// or stays away for longer than the client's patience.
func (c *Client) follow(ctx context.Context, s stream) error {
	heard, opened, told := time.Now(), false, false
	first := c.pause
	pause := first
	for {
		err := c.readStream(ctx, &s, func() {
			heard, opened, told, pause = time.Now(), true, false, first
		}, func(d time.Duration) { first = min(max(d, time.Millisecond), maxPause) })
		if own, ok := errors.AsType[handlerError](err); ok {
			return own.error
		}
		code := rpc.CodeOf(err)
		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case code != rpc.Unavailable && code != rpc.Deadline || !opened:
			return err
		case time.Since(heard) > c.patience:
			return fmt.Errorf("given up after %s: %w", c.patience, err)
		}
		if s.away != nil && !told {
			told = true
			s.away(err)
		}
		if !sleep(ctx, pause/2+rand.N(pause/2+1)) {
			return nil
		}
		pause = min(pause*2, maxPause)
	}
}

// readStream opens the stream once and reads it to its end.
func (c *Client) readStream(ctx context.Context, s *stream, alive func(), retry func(time.Duration)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(c.stall, func() { cancel(errStalled) })
	defer watch.Stop()
	header := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-store"}}
	if s.after != "" {
		header.Set("Last-Event-ID", s.after)
	}
	resp, err := c.send(ctx, request{method: http.MethodGet, path: s.path, query: s.query(s.after), header: header})
	if err != nil {
		return stalled(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		return rpc.Errorf(rpc.Internal, "the gateway at %s answered %s with %q instead of a stream", c.base, s.path, kind)
	}
	alive()
	body := movingReader{resp.Body, func(int) { watch.Reset(c.stall) }}
	err = sse.Read(body, retry, func(m sse.Message) error {
		alive()
		if m.ID != "" {
			s.after = m.ID
		}
		if m.Data == nil {
			return nil
		}
		if err := s.on(m); err != nil {
			return handlerError{err}
		}
		return nil
	})
	if _, own := errors.AsType[handlerError](err); own {
		return err
	}
	return stalled(ctx, rpc.Errorf(rpc.Unavailable, "the stream of the gateway at %s broke off: %w", c.base, err))
}

// stalled says of an error why its context ended, where that was us.
func stalled(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return rpc.Errorf(rpc.Deadline, "the stream was closed: %w", errStalled)
	}
	return err
}

// movingReader tells of each piece that is read.
type movingReader struct {
	io.Reader
	moved func(n int)
}

func (r movingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.moved(n)
	}
	return n, err
}
