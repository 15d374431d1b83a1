package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// ExportEvents writes the events that match as the contract's events.json, one
// array in the order of time, and returns how many they are. Order and limit of
// the filter have no meaning here. What is written is whole only without an error.
func (c *Client) ExportEvents(ctx context.Context, f EventFilter, w io.Writer) (n int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(c.stall, func() { cancel(errStalled) })
	defer watch.Stop()
	f.Newest = false
	resp, err := c.send(ctx, request{method: http.MethodGet, path: path("events.json"), query: f.query()})
	if err != nil {
		return 0, stalled(ctx, err)
	}
	defer resp.Body.Close()
	written := &writeFault{w: w}
	body := io.TeeReader(movingReader{resp.Body, func(int) { watch.Reset(c.stall) }}, written)
	n, err = countEvents(body)
	switch {
	case written.err != nil:
		return n, written.err
	case err != nil && ctx.Err() != nil:
		return n, stalled(ctx, ctx.Err())
	case err != nil:
		return n, rpc.Errorf(rpc.Unavailable, "the gateway's events broke off after %d: %w", n, err)
	}
	return n, nil
}

// countEvents reads an array of events to its end, one at a time.
func countEvents(r io.Reader) (n int, err error) {
	dec := json.NewDecoder(r)
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return 0, errors.Join(errors.New("it is no JSON array"), err)
	}
	for ; dec.More(); n++ {
		var e contract.Event
		if err := dec.Decode(&e); err != nil {
			return n, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return n, err
	}
	_, err = io.Copy(io.Discard, r)
	return n, err
}

// writeFault tells a failure to write from one to read.
type writeFault struct {
	w   io.Writer
	err error
}

func (f *writeFault) Write(p []byte) (n int, err error) {
	n, err = f.w.Write(p)
	f.err = err
	return n, err
}
