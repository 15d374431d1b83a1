package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
)

// maxTries bounds how often a call is repeated after its connection broke.
const maxTries = 3

// Call calls a function and waits for its answer until ctx ends. An answer with
// an error comes back as an [Error] with the service's text.
//
// A call whose connection broke is repeated, with the same message id, while
// the deadline allows: always when the broker cannot have taken it, and for an
// idempotent function also when the outcome is unknown.
func Call[Req, Resp any](ctx context.Context, c Caller, fn contract.Function[Req, Resp], req Req) (Resp, error) {
	var resp Resp
	body, err := json.Marshal(req)
	if err != nil {
		return resp, Errorf(Invalid, "encode the request of %s: %w", fn.Name, err)
	}
	if string(body) == "null" {
		body = []byte("{}")
	}
	value, err := CallRaw(ctx, c, Request{Function: fn.Name, Body: body}, fn.Idempotent)
	if err != nil {
		return resp, err
	}
	if err := json.Unmarshal(value, &resp); err != nil {
		return resp, Errorf(Internal, "decode the answer of %s: %w", fn.Name, err)
	}
	return resp, nil
}

// CallRaw is [Call] for a body that is encoded already; it returns the encoded
// value.
func CallRaw(ctx context.Context, c Caller, r Request, idempotent bool) (json.RawMessage, error) {
	if r.MessageID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, Errorf(Internal, "make a message id: %w", err)
		}
		r.MessageID = id.String()
	}
	if r.Trace == "" {
		r.Trace = TraceFrom(ctx)
	}
	for try := 1; ; try++ {
		reply, err := c.Call(ctx, r)
		if err == nil {
			return Decode(reply)
		}
		lost, ok := errors.AsType[*LostError](err)
		if !ok || try == maxTries || (lost.Sent && !idempotent) {
			return nil, err
		}
		// The transport may need a moment to see that its session ended.
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Duration(try) * 25 * time.Millisecond):
		}
	}
}

// LostError is the cause of an Unavailable error when the connection ended
// while a call was under way. Sent tells that the broker may have taken the
// request, so that the outcome is unknown.
type LostError struct {
	Function string
	Sent     bool
	Err      error
}

// Error says what was lost and whether the call may have taken effect.
func (e *LostError) Error() string {
	outcome := "it was not sent"
	if e.Sent {
		outcome = "whether it took effect is unknown"
	}
	return fmt.Sprintf("the connection to the broker ended during %s, %s: %v", e.Function, outcome, e.Err)
}

// Unwrap returns why the connection ended.
func (e *LostError) Unwrap() error { return e.Err }
