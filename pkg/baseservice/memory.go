package baseservice

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Call names a call for good: a repetition, a redelivery and a replay of it have
// the same message id.
type Call struct{ Function, MessageID string }

// Memory remembers calls that took effect, beyond the life of the process. A
// function writes into it in the transaction of its effect, with the call that
// [CallFrom] tells.
type Memory interface {
	// Recall returns the reply of a call that took effect.
	Recall(ctx context.Context, call Call) (reply json.RawMessage, found bool, err error)
}

// Remembered gives a function a memory: a call that is in it is not executed but
// answered with its first reply. again is told of each such call: an earlier process
// carried it out, and may have been killed before it could do more than that.
func Remembered(m Memory, again ...func(context.Context, *rpc.Message)) HandleOption {
	return func(f *function) { f.memory, f.again = m, again }
}

type callKey struct{}

// underway is a call that is being executed.
type underway struct {
	Call
	took atomic.Bool
}

// CallFrom returns the call that a function with a memory executes; false where
// there is nothing to remember: such a function is called by other means, or by a
// peer whose call has no name.
func CallFrom(ctx context.Context) (Call, bool) {
	u, ok := ctx.Value(callKey{}).(*underway)
	if !ok {
		return Call{}, false
	}
	return u.Call, true
}

// TookEffect tells, for what writes into a memory, that the context's call takes
// effect by this execution. A call that fails without it may have been executed by
// another replica meanwhile, and is then answered with that one's reply.
func TookEffect(ctx context.Context) {
	if u, ok := ctx.Value(callKey{}).(*underway); ok {
		u.took.Store(true)
	}
}
