package forward

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// answering answers every call alike and keeps the last request.
type answering struct {
	body  string
	err   error
	ready error
	last  rpc.Request
}

func (a *answering) Ready(context.Context) error { return a.ready }

func (a *answering) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	if _, ok := ctx.Deadline(); !ok {
		return rpc.Reply{}, errors.New("the call has no deadline")
	}
	a.last = r
	return rpc.Reply{Body: []byte(a.body)}, a.err
}

func TestCall(t *testing.T) {
	nobody := &rpc.Error{Code: rpc.Unavailable, Message: "x", Err: rpc.ErrNobody}
	for name, tc := range map[string]struct {
		transport answering
		want      string // of the answer or, with a code, of the failure
		code      rpc.Code
	}{
		"answer":            {answering{body: `{"status_code":200,"return":{"new":1}}`}, "1", ""},
		"nothing":           {answering{body: `{"status_code":200}`}, "0", ""},
		"another answer":    {answering{body: `{"status_code":200,"return":"text"}`}, "decode the answer of rpc_exec_count_tasks", rpc.Internal},
		"failure":           {answering{body: `{"status_code":500,"exception":"why"}`}, "why", rpc.Internal},
		"no broker":         {answering{ready: rpc.Text(rpc.Unavailable, "no connection")}, "no connection", rpc.Unavailable},
		"nobody":            {answering{err: nobody}, "cloud-task-manager is not running", rpc.Unavailable},
		"late":              {answering{err: rpc.Errorf(rpc.Deadline, "x: %w", context.DeadlineExceeded)}, "no answer from rpc_exec_count_tasks within 1s: cloud-task-manager is busy", rpc.Deadline},
		"given up":          {answering{err: rpc.Errorf(rpc.Deadline, "x: %w", context.Canceled)}, "x: context canceled", rpc.Deadline},
		"late, as the peer": {answering{body: `{"status_code":500,"exception":"context deadline exceeded"}`}, "context deadline exceeded", rpc.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			f := New(&tc.transport, time.Second)
			counts, err := Call(t.Context(), f, contract.CountTasks, contract.None{})
			if tc.code == "" {
				if err != nil || (counts["new"] == 1) != (tc.want == "1") || string(tc.transport.last.Body) != "{}" {
					t.Errorf("%v, %v of %s", counts, err, tc.transport.last.Body)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || rpc.CodeOf(err) != tc.code {
				t.Errorf("got %v (%s)", err, rpc.CodeOf(err))
			}
		})
	}
}

func TestUnknownFunctions(t *testing.T) {
	nobody := &answering{err: &rpc.Error{Code: rpc.Unavailable, Message: "x", Err: rpc.ErrNobody}}
	f := New(nobody, time.Second)
	_, err := f.Raw(t.Context(), "rpc_exec_nothing", []byte("{}"))
	if f.Known("rpc_exec_nothing") || rpc.CodeOf(err) != rpc.NotFound || err.Error() != contract.InvalidFunction("rpc_exec_nothing") {
		t.Errorf("got %v", err)
	}
}

func TestMessageID(t *testing.T) {
	tr := &answering{body: `{"status_code":200,"return":null}`}
	f := New(tr, time.Second)
	if _, err := f.Raw(WithMessageID(t.Context(), "m1"), contract.CreateTask.Name, []byte("{}")); err != nil || tr.last.MessageID != "m1" {
		t.Errorf("%v, message id %q", err, tr.last.MessageID)
	}
	if _, err := f.Raw(t.Context(), contract.CreateTask.Name, []byte("{}")); err != nil || len(tr.last.MessageID) != 36 {
		t.Errorf("%v, message id %q", err, tr.last.MessageID)
	}
}
