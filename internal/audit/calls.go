package audit

import (
	"context"
	"encoding/json"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Calls is a middleware that enters each call of a function, with how it went.
// It belongs inside the skeleton's own, so that a call that comes again is
// entered once. A nil log enters nothing.
func Calls(l *Log) baseservice.Middleware {
	return func(next baseservice.Next) baseservice.Next {
		if l == nil {
			return next
		}
		return func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
			value, err := next(ctx, m)
			e := entryOf(ctx, m)
			if err != nil {
				e.Outcome, e.Detail = string(rpc.CodeOf(err)), err.Error()
			}
			// The call has taken effect: an answer that says otherwise would be untrue.
			// What could not be written is in the log, and in the next entry.
			_ = l.Append(e)
			return value, err
		}
	}
}

// Again enters a call that is answered from the memory of its function, for
// [baseservice.Remembered]: who carried it out may have been killed before it could
// enter it. So a call that comes again to another process is entered twice.
func Again(l *Log) func(context.Context, *rpc.Message) {
	return func(ctx context.Context, m *rpc.Message) {
		if l == nil {
			return
		}
		e := entryOf(ctx, m)
		e.Detail = "it had taken effect before, and came again"
		_ = l.Append(e) // what could not be written is in the next entry
	}
}

// entryOf is the entry of a call that took effect.
func entryOf(ctx context.Context, m *rpc.Message) Entry {
	e := Entry{Who: rpc.IdentityFrom(ctx), Action: m.Function, Outcome: OK, Trace: rpc.TraceFrom(ctx)}
	e.On, e.Arguments = arguments(m.Body)
	return e
}

// secrets are the arguments whose values nobody is to read later.
var secrets = []string{"password", "token", "credential"}

// arguments are a call's, without its secrets, and what it was about.
func arguments(body []byte) (on string, without json.RawMessage) {
	var all map[string]json.RawMessage
	if json.Unmarshal(body, &all) != nil {
		return "", nil
	}
	for _, name := range []string{"task_id", "user_id", "digest"} {
		if on == "" {
			_ = json.Unmarshal(all[name], &on)
		}
		delete(all, name)
	}
	for _, name := range secrets {
		if _, ok := all[name]; ok {
			all[name] = json.RawMessage(`"***"`)
		}
	}
	if len(all) == 0 {
		return on, nil
	}
	without, err := json.Marshal(all)
	if err != nil {
		return on, nil
	}
	return on, without
}
