package rpc

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
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
	var b [24]byte // two ids: of the trace, 16 bytes, and of its first step; neither may be zero
	for i := 0; i < len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], rand.Uint64())
	}
	b[0], b[16] = b[0]|1, b[16]|1
	text := make([]byte, 0, len("00-")+2*len(b)+len("--01"))
	text = append(text, "00-"...)
	text = hex.AppendEncode(text, b[:16])
	text = append(text, '-')
	text = hex.AppendEncode(text, b[16:])
	return string(append(text, "-01"...))
}
