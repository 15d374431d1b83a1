package chaos

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// unsure tells that the answer says nothing about the effect.
func (r *refused) unsure() bool {
	if r.code == rpc.Unavailable || r.code == rpc.Deadline {
		return true
	}
	switch r.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusTooEarly:
		return true
	}
	return false
}

// request is how an action is sent: by the API or, where its call is to come
// twice, by a call whose message id the harness chooses.
func (s *System) request(w *wanted, step Step) func(context.Context) error {
	key := uuid.NewString()
	create := contract.CreateTaskRequest{TaskID: w.id, Host: "127.0.0.1", Port: 1, Username: "u", Password: "p",
		FilesPaths: []string{"client.py"}, SelectionCriteria: w.criteria}
	digest, _ := w.bundle()
	revoke := contract.RevokeRequest{Digest: digest, TaskID: w.id, Reason: "chaos"}
	if step.Twice {
		fn, arguments := functions[step.Do], any(create)
		switch step.Do {
		case Start:
			arguments = contract.StartTaskRequest{TaskID: w.id}
		case Stop:
			arguments = contract.TaskIDRequest{TaskID: w.id}
		case Revoke:
			arguments = revoke
		}
		var again sync.Once
		return func(ctx context.Context) error {
			again.Do(func() { s.again(ctx, time.Duration(step.Delay), fn, key, arguments) })
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			_, err := s.calls[cloudBroker].call(ctx, fn, key, arguments)
			return err
		}
	}
	return func(ctx context.Context) error {
		switch step.Do {
		case Create:
			return s.send(ctx, http.MethodPost, "/tasks", key, create, nil)
		case Update:
			return s.send(ctx, http.MethodPatch, "/tasks/"+w.id, "", map[string]string{"client_arguments": "v" + key}, nil)
		case Revoke:
			return s.send(ctx, http.MethodPost, "/revocations", key, revoke, nil)
		default:
			return s.send(ctx, http.MethodPost, "/tasks/"+w.id+"/"+step.Do, key, struct{}{}, nil)
		}
	}
}

// again delivers a call a second time, whatever became of the first.
func (s *System) again(ctx context.Context, after time.Duration, fn, messageID string, arguments any) {
	ctx = context.WithoutCancel(ctx) // the action may be over
	s.repeats.Go(func() {
		time.Sleep(after)
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, _ = s.second.call(ctx, fn, messageID, arguments) // its effect is what matters
	})
}
