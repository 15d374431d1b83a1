// Package forward calls the functions of the cloud for the gateway's routes: each
// call is bounded, waits only a little for the broker, and says of a failure on
// the way to a service what its caller can make use of.
package forward

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// patience is how long a call waits for a session with the broker: a little,
// since most interruptions are brief, but nobody is helped by waiting longer.
const patience = time.Second

// Transport makes calls and tells whether it has a session with its broker; that
// of pkg/amqpx does.
type Transport interface {
	rpc.Caller
	// Ready waits until there is a session, or for the end of ctx.
	Ready(ctx context.Context) error
}

// Forwarder makes calls over a transport. It is safe for concurrent use.
type Forwarder struct {
	transport Transport
	timeout   time.Duration
	functions map[string]function
}

// New makes a forwarder whose calls take timeout at most.
func New(t Transport, timeout time.Duration) *Forwarder {
	return &Forwarder{transport: t, timeout: timeout, functions: functions()}
}

// Known tells whether the gateway knows the function. Others are forwarded too,
// without repetition.
func (f *Forwarder) Known(fn string) bool { _, ok := f.functions[fn]; return ok }

// Idempotent tells whether a second execution of the function changes nothing
// more, as far as the gateway knows.
func (f *Forwarder) Idempotent(fn string) bool { return f.functions[fn].idempotent }

// Raw calls a function with an encoded object and returns the encoded value. A
// failure is an [rpc.Error].
func (f *Forwarder) Raw(ctx context.Context, fn string, body []byte) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if err := f.Session(ctx); err != nil {
		return nil, err
	}
	known := f.functions[fn]
	value, err := rpc.CallRaw(ctx, f.transport, rpc.Request{Function: fn, Body: body, MessageID: messageID(ctx)}, known.idempotent)
	if err != nil {
		return nil, f.explain(fn, known, err)
	}
	return value, nil
}

type messageIDKey struct{}

// WithMessageID returns a context whose calls bear the id, so that a service
// that has answered one of them answers its repetition alike. At most one call of
// each function may be made with it.
func WithMessageID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, messageIDKey{}, id)
}

// messageID is the context's; "" makes a new one for each call.
func messageID(ctx context.Context) string {
	id, _ := ctx.Value(messageIDKey{}).(string)
	return id
}

// Session waits a little for a session with the broker.
func (f *Forwarder) Session(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return f.transport.Ready(ctx)
}

// Call is [Forwarder.Raw] for a function with its types.
func Call[Req, Resp any](ctx context.Context, f *Forwarder, fn contract.Function[Req, Resp], req Req) (resp Resp, err error) {
	body, err := json.Marshal(req)
	if err != nil {
		return resp, rpc.Errorf(rpc.Invalid, "encode the request of %s: %w", fn.Name, err)
	}
	if string(body) == "null" { // contract.None
		body = []byte("{}")
	}
	value, err := f.Raw(ctx, fn.Name, body)
	if err != nil {
		return resp, err
	}
	if len(value) == 0 { // an answer without "return"
		value = json.RawMessage("null")
	}
	if err := json.Unmarshal(value, &resp); err != nil {
		return resp, rpc.Errorf(rpc.Internal, "decode the answer of %s: %w", fn.Name, err)
	}
	return resp, nil
}

// explain says of a failure on the way to a service what its caller can make
// use of. What a service itself answered stays as it is.
func (f *Forwarder) explain(fn string, known function, err error) error {
	switch {
	case errors.Is(err, rpc.ErrNobody) && known.service == "":
		return rpc.Text(rpc.NotFound, contract.InvalidFunction(fn))
	case errors.Is(err, rpc.ErrNobody):
		return rpc.Errorf(rpc.Unavailable, "%s is not running, nobody else serves %s: start it", known.service, fn)
	case ranOut(err) && known.service == "":
		return rpc.Errorf(rpc.Deadline, "no answer from %s within %s", fn, f.timeout)
	case ranOut(err):
		// A queue may be there although its service is not.
		return rpc.Errorf(rpc.Deadline, "no answer from %s within %s: %s is busy or not running", fn, f.timeout, known.service)
	}
	return err
}

// ranOut tells whether the deadline ended the call, here or, a moment earlier,
// in the service.
func ranOut(err error) bool {
	return rpc.CodeOf(err) == rpc.Deadline && (errors.Is(err, context.DeadlineExceeded) || err.Error() == context.DeadlineExceeded.Error())
}
