package rpc

import (
	"context"
	"crypto/rand"
	"fmt"
)

type traceKey struct{}

// WithTrace returns a context whose calls carry the W3C traceparent.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceKey{}, traceparent)
}

// TraceFrom returns the context's traceparent, or "".
func TraceFrom(ctx context.Context) string {
	s, _ := ctx.Value(traceKey{}).(string)
	return s
}

// NewTrace returns the traceparent of a new trace, for where a chain of cause
// begins.
func NewTrace() string {
	var b [24]byte
	_, _ = rand.Read(b[:])        // never fails
	b[0], b[16] = b[0]|1, b[16]|1 // neither id may be zero
	return fmt.Sprintf("00-%x-%x-01", b[:16], b[16:])
}
