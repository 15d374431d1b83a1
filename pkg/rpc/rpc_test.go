package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestCodeOf(t *testing.T) {
	for _, tc := range []struct {
		err        error
		code       rpc.Code
		wire, http int
	}{
		{nil, "", 500, 500},
		{io.EOF, rpc.Internal, 500, 500},
		{context.DeadlineExceeded, rpc.Deadline, 500, http.StatusGatewayTimeout},
		{fmt.Errorf("wrapped: %w", rpc.Text(rpc.Invalid, "x")), rpc.Invalid, 400, 400},
		{rpc.Text(rpc.NotFound, "x"), rpc.NotFound, 500, 404},
		{rpc.Text(rpc.Conflict, "x"), rpc.Conflict, 500, 409},
		{rpc.Text(rpc.Unavailable, "x"), rpc.Unavailable, 500, 503},
	} {
		code := rpc.CodeOf(tc.err)
		if code != tc.code || code.WireStatus() != tc.wire || code.HTTPStatus() != tc.http {
			t.Errorf("%v: got %s, %d, %d, want %s, %d, %d", tc.err, code, code.WireStatus(), code.HTTPStatus(), tc.code, tc.wire, tc.http)
		}
	}
	if err := rpc.Errorf(rpc.Internal, "read: %w", io.EOF); !errors.Is(err, io.EOF) || err.Error() != "read: EOF" {
		t.Errorf("got %v", err)
	}
}

func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		name, body, header string
		value, text        string
		code               rpc.Code
	}{
		{"value", `{"status_code":200,"return":[1]}`, "", "[1]", "", ""},
		{"null", `{"status_code":200,"return":null}`, "", "null", "", ""},
		{"a peer's failure", `{"status_code":500,"exception":"no"}`, "", "", "no", rpc.Internal},
		{"a peer's refusal", `{"status_code":400,"exception":"no"}`, "", "", "no", rpc.Invalid},
		{"a finer code", `{"status_code":500,"exception":"no"}`, "conflict", "", "no", rpc.Conflict},
		{"an unknown code", `{"status_code":500,"exception":"no"}`, "strange", "", "no", rpc.Internal},
		{"no text", `{"status_code":500}`, "", "", "status 500 without a text", rpc.Internal},
		{"another status", `{"status_code":302}`, "", "", "the answer has the unknown status_code 302", rpc.Internal},
		{"not an envelope", `nonsense`, "", "", "", rpc.Internal},
	} {
		value, err := rpc.Decode(rpc.Reply{Body: []byte(tc.body), Code: tc.header})
		if string(value) != tc.value || rpc.CodeOf(err) != tc.code || tc.text != "" && err.Error() != tc.text {
			t.Errorf("%s: got %s, %v (%s)", tc.name, value, err, rpc.CodeOf(err))
		}
	}
}

// flaky loses a number of calls before it answers.
type flaky struct {
	losses int
	sent   bool
	ids    []string
}

func (f *flaky) Call(_ context.Context, r rpc.Request) (rpc.Reply, error) {
	f.ids = append(f.ids, r.MessageID)
	if f.losses--; f.losses >= 0 {
		lost := &rpc.LostError{Function: r.Function, Sent: f.sent, Err: io.EOF}
		return rpc.Reply{}, &rpc.Error{Code: rpc.Unavailable, Message: lost.Error(), Err: lost}
	}
	return rpc.Reply{Body: rpc.EncodeReturn([]byte("null"))}, nil
}

func TestALostCallIsRepeatedOnlyWhenThatIsSafe(t *testing.T) {
	create, get := contract.CreateTask.Name, contract.GetTask.Name
	for _, tc := range []struct {
		name       string
		fn         string
		idempotent bool
		f          flaky
		calls      int
		ok         bool
	}{
		{"never sent", create, false, flaky{losses: 2}, 3, true},
		{"sent, and not idempotent", create, false, flaky{losses: 1, sent: true}, 1, false},
		{"sent, and idempotent", get, true, flaky{losses: 1, sent: true}, 2, true},
		{"lost too often", get, true, flaky{losses: 9}, 3, false},
	} {
		_, err := rpc.CallRaw(t.Context(), &tc.f, rpc.Request{Function: tc.fn, Body: []byte("{}")}, tc.idempotent)
		if len(tc.f.ids) != tc.calls || (err == nil) != tc.ok {
			t.Errorf("%s: %d calls, %v", tc.name, len(tc.f.ids), err)
		}
		for _, id := range tc.f.ids {
			if id == "" || id != tc.f.ids[0] {
				t.Errorf("%s: the message ids are %q, want one and the same", tc.name, tc.f.ids)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	f := flaky{losses: 9}
	if _, err := rpc.CallRaw(ctx, &f, rpc.Request{Function: get, Body: []byte("{}")}, true); err == nil || len(f.ids) > 1 {
		t.Errorf("after its deadline the call was repeated: %d calls, %v", len(f.ids), err)
	}
}

// tracing notes the trace of each call.
type tracing struct{ got []string }

func (c *tracing) Call(_ context.Context, r rpc.Request) (rpc.Reply, error) {
	c.got = append(c.got, r.Trace)
	return rpc.Reply{Body: rpc.EncodeReturn([]byte("null"))}, nil
}

func TestACallCarriesItsContextsTrace(t *testing.T) {
	trace, other := rpc.NewTrace(), rpc.NewTrace()
	if !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`).MatchString(trace) || trace == other {
		t.Errorf("new traces are %q and %q", trace, other)
	}
	var c tracing
	for _, ctx := range []context.Context{t.Context(), rpc.WithTrace(t.Context(), trace)} {
		if _, err := rpc.Call(ctx, &c, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(c.got, []string{"", trace}) {
		t.Errorf("the calls carried %q", c.got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"status_code":200,"return":null}`))
	f.Add([]byte(`{"status_code":500,"exception":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if value, err := rpc.Decode(rpc.Reply{Body: body}); err != nil && value != nil {
			t.Errorf("both a value and an error: %s, %v", value, err)
		}
	})
}

func ExampleCodeOf() {
	err := fmt.Errorf("start: %w", rpc.Text(rpc.Conflict, contract.TaskAlreadyRunning("4fe5")))
	fmt.Println(rpc.CodeOf(err), rpc.CodeOf(err).HTTPStatus())
	// Output: conflict 409
}
