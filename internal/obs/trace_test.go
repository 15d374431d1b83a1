package obs

import (
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func TestParseTraceparent(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"00-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-01"},
		{"00-" + traceID + "-" + spanID + "-00", "00-" + traceID + "-" + spanID + "-00"},
		{"00-" + traceID + "-" + spanID + "-ff", "00-" + traceID + "-" + spanID + "-03"}, // unknown flags go
		{"cc-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-01"}, // a later version
		{"cc-" + traceID + "-" + spanID + "-01-more", "00-" + traceID + "-" + spanID + "-01"},

		{"cc-" + traceID + "-" + spanID + "-01more", ""},
		{"00-" + traceID + "-" + spanID + "-01-more", ""},
		{"ff-" + traceID + "-" + spanID + "-01", ""},
		{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01", ""},
		{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", ""},
		{"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", ""},
		{"00-" + traceID + "-" + spanID + "-0", ""},
		{"00-" + traceID + "-" + spanID + "-0g", ""},
		{"00_" + traceID + "-" + spanID + "-01", ""},
		{" 00-" + traceID + "-" + spanID + "-01", ""},
		{"", ""},
	} {
		got, err := ParseTraceparent(tc.in)
		if (err == nil) != (tc.want != "") || got.String() != tc.want {
			t.Errorf("ParseTraceparent(%q) = %q, %v, want %q", tc.in, got, err, tc.want)
		}
	}
}

func TestChildStaysInTheTrace(t *testing.T) {
	parent, err := ParseTraceparent("00-" + traceID + "-" + spanID + "-00")
	if err != nil {
		t.Fatal(err)
	}
	child := parent.Child()
	if child.TraceID() != traceID || child.SpanID() == spanID || !strings.HasSuffix(child.String(), "-00") {
		t.Errorf("Child = %s of %s", child, parent)
	}
	a, b := NewTraceparent(), NewTraceparent()
	if a.TraceID() == b.TraceID() || a.IsZero() || !strings.HasSuffix(a.String(), "-01") {
		t.Errorf("new traces %s and %s", a, b)
	}
	var none Traceparent
	if none.Child().IsZero() || none.String() != "" || none.TraceID() != "" || none.SpanID() != "" {
		t.Errorf("the zero trace: child %s, text %q", none.Child(), none.String())
	}
}

func TestContextCarriesTrace(t *testing.T) {
	if got := TraceFrom(t.Context()); !got.IsZero() {
		t.Errorf("an empty context carries %s", got)
	}
	tp := NewTraceparent()
	if got := TraceFrom(ContextWithTrace(t.Context(), tp)); got != tp {
		t.Errorf("TraceFrom = %s, want %s", got, tp)
	}
	if got := rpc.TraceFrom(ContextWithTrace(t.Context(), tp)); got != tp.String() {
		t.Errorf("a call would carry %q, want %s", got, tp)
	}
	if got := TraceFrom(rpc.WithTrace(t.Context(), "nonsense")); !got.IsZero() {
		t.Errorf("a malformed trace reads as %s", got)
	}
}

// FuzzParseTraceparent: what is accepted is rendered in a form that is accepted
// again and means the same.
func FuzzParseTraceparent(f *testing.F) {
	f.Add("00-" + traceID + "-" + spanID + "-01")
	f.Add("cc-" + traceID + "-" + spanID + "-ff-x")
	f.Add("00--" + traceID)
	f.Fuzz(func(t *testing.T, s string) {
		tp, err := ParseTraceparent(s)
		if err != nil {
			return
		}
		again, err := ParseTraceparent(tp.String())
		if err != nil || again != tp {
			t.Errorf("%q reads as %s, which reads as %s, %v", s, tp, again, err)
		}
	})
}
