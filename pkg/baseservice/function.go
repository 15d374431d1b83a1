package baseservice

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Next runs the rest of a function's chain: an encoded value, or an error.
type Next func(ctx context.Context, m *rpc.Message) (json.RawMessage, error)

// Middleware wraps a function.
type Middleware func(Next) Next

// function is what the service keeps of a registered function.
type function struct {
	name        string
	idempotent  bool
	concurrency int
	prefetch    int
	timeout     time.Duration
	unchecked   bool
	extra       []Middleware
	memory      Memory // nil: none
	run         Next
	stats       functionStats
}

// HandleOption adjusts one function.
type HandleOption func(*function)

// Concurrency sets how many executions may run at once; 8 if not given.
func Concurrency(n int) HandleOption { return func(f *function) { f.concurrency = n } }

// Prefetch sets how many calls wait in the service; twice the concurrency if
// not given.
func Prefetch(n int) HandleOption { return func(f *function) { f.prefetch = n } }

// Timeout bounds each execution, beside the caller's own deadline.
func Timeout(d time.Duration) HandleOption { return func(f *function) { f.timeout = d } }

// Unchecked takes requests without holding them against a schema, and so needs
// none: decoding is all that is done.
func Unchecked() HandleOption { return func(f *function) { f.unchecked = true } }

// Use adds middleware inside the service's own, outermost first: it sees only
// calls whose arguments passed their schema.
func Use(m ...Middleware) HandleOption {
	return func(f *function) { f.extra = append(f.extra, m...) }
}

// Handle registers a function. Like http.ServeMux it panics on a mistake of
// the program: a name registered twice, or one without a schema.
func Handle[Req, Resp any](s *Service, fn contract.Function[Req, Resp], h func(context.Context, Req) (Resp, error), opts ...HandleOption) {
	if s.functions[fn.Name] != nil {
		panic(fmt.Sprintf("baseservice: %s is registered twice", fn.Name))
	}
	f := &function{name: fn.Name, idempotent: fn.Idempotent, concurrency: 8, timeout: s.opt.Timeout}
	for _, o := range opts {
		o(f)
	}
	if !f.unchecked && !s.opt.Schemas.Has(fn.Name) {
		panic(fmt.Sprintf("baseservice: %s has no schema", fn.Name))
	}
	if f.prefetch == 0 {
		f.prefetch = 2 * f.concurrency
	}
	call := func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
		var req Req
		if err := json.Unmarshal(m.Body, &req); err != nil {
			return nil, rpc.Errorf(rpc.Invalid, "%w", err)
		}
		resp, err := h(ctx, req)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(resp)
		if err != nil {
			return nil, rpc.Errorf(rpc.Internal, "encode the answer of %s: %w", fn.Name, err)
		}
		if len(value) > MaxReply {
			return nil, rpc.Errorf(rpc.Internal, "the answer of %s has %d bytes, more than the %d that are allowed: ask for less", fn.Name, len(value), MaxReply)
		}
		return value, nil
	}
	f.run = s.chain(f, call)
	s.functions[fn.Name] = f
}

// chain puts the middleware around a function, outermost first.
func (s *Service) chain(f *function, call Next) Next {
	stack := append([]Middleware{s.recovered(f), s.measured(f), s.logged(f), bounded(f), s.checked(f), s.once(f)}, f.extra...)
	for i := len(stack) - 1; i >= 0; i-- {
		call = stack[i](call)
	}
	return call
}
