package obs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Names under which a Traceparent travels.
const (
	TraceHeader = "traceparent" // in HTTP and AMQP headers
	TraceEnv    = "TRACEPARENT" // in a child's environment
)

// Traceparent is a W3C trace context: the trace that a piece of work belongs to
// and the span within it. The zero value is no trace. It is comparable.
type Traceparent struct {
	trace [16]byte
	span  [8]byte
	flags byte
}

const (
	// Our traces are marked as sampled, else tracers further on would drop them.
	flagSampled = 0x01
	knownFlags  = 0x03 // sampled and random; the others must not be passed on
	textLength  = 55   // of "00-<32 hex>-<16 hex>-<2 hex>"
)

var errTraceparent = errors.New("is not a traceparent: want 00-<32 hex digits>-<16 hex digits>-<2 hex digits> in lower case, not all zero")

// ParseTraceparent reads the header's value. As the standard asks, versions
// above 00 are read by their first four fields.
func ParseTraceparent(s string) (Traceparent, error) {
	var t Traceparent
	var version, flags [1]byte
	bad := len(s) < textLength || s[2] != '-' || s[35] != '-' || s[52] != '-' ||
		!decode(version[:], s[0:2]) || !decode(t.trace[:], s[3:35]) || !decode(t.span[:], s[36:52]) || !decode(flags[:], s[53:55]) ||
		version[0] == 0xff || version[0] == 0 && len(s) != textLength || len(s) > textLength && s[textLength] != '-' ||
		t.trace == [16]byte{} || t.span == [8]byte{}
	if bad {
		return Traceparent{}, fmt.Errorf("%.80q %w", s, errTraceparent)
	}
	t.flags = flags[0] & knownFlags
	return t, nil
}

// decode refuses capitals, which hex.Decode accepts and the standard does not.
func decode(dst []byte, s string) bool {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

// NewTraceparent begins a trace.
func NewTraceparent() Traceparent {
	t := Traceparent{flags: flagSampled}
	for t.trace == [16]byte{} {
		_, _ = rand.Read(t.trace[:]) // never fails
	}
	return t.Child()
}

// Child returns a new span of the same trace, or begins a trace when t is zero.
func (t Traceparent) Child() Traceparent {
	if t.trace == [16]byte{} {
		return NewTraceparent()
	}
	parent := t.span
	for t.span == parent || t.span == [8]byte{} {
		_, _ = rand.Read(t.span[:])
	}
	return t
}

// IsZero reports whether there is no trace.
func (t Traceparent) IsZero() bool { return t == Traceparent{} }

// TraceID returns the trace's id, 32 hex digits, which doubles as the
// correlation id that people quote; "" for no trace.
func (t Traceparent) TraceID() string {
	if t.IsZero() {
		return ""
	}
	return hex.EncodeToString(t.trace[:])
}

// SpanID returns the span's id, 16 hex digits; "" for no trace.
func (t Traceparent) SpanID() string {
	if t.IsZero() {
		return ""
	}
	return hex.EncodeToString(t.span[:])
}

// String returns the header's value; "" for no trace.
func (t Traceparent) String() string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("00-%x-%x-%02x", t.trace, t.span, t.flags)
}

// ContextWithTrace returns a context that carries t. It is the trace of pkg/rpc
// too, so that a call made under it belongs to the same trace.
func ContextWithTrace(ctx context.Context, t Traceparent) context.Context {
	return rpc.WithTrace(ctx, t.String())
}

// TraceFrom returns the trace that the context carries, or the zero Traceparent
// when there is none or it is not well formed.
func TraceFrom(ctx context.Context) Traceparent {
	t, err := ParseTraceparent(rpc.TraceFrom(ctx))
	if err != nil {
		return Traceparent{}
	}
	return t
}
