package cloudtaskmanager

import (
	"context"
	"encoding/json"
	"time"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// ownedRequest is a call that was made to one manager and is for the one that ran a
// task's last execution.
type ownedRequest struct {
	Function string          `json:"function"`
	Call     string          `json:"call,omitempty"` // its message id, if it is to be remembered
	Body     json.RawMessage `json:"body"`
}

// ownedReply is what came of it: a value, or a failure.
type ownedReply struct {
	Value json.RawMessage `json:"value,omitempty"`
	Code  rpc.Code        `json:"code,omitempty"`
	Text  string          `json:"text,omitempty"`
}

// ownedBy is an instance's own function.
func ownedBy(id string) contract.Function[ownedRequest, ownedReply] {
	return contract.Function[ownedRequest, ownedReply]{Name: contract.OwnedTaskPrefix + id, Idempotent: true} // what is not is remembered
}

// serveOwned serves this instance's own function.
func (s *Service) serveOwned() {
	if s.shared != nil {
		baseservice.Handle(s.base, ownedBy(s.shared.id), s.owned, baseservice.Unchecked(), baseservice.Concurrency(32))
	}
}

// owned does what another manager was asked for.
func (s *Service) owned(ctx context.Context, req ownedRequest) (ownedReply, error) {
	if !s.opt.Key.IsZero() && rpc.IdentityFrom(ctx).Kind != rpc.Service {
		return ownedReply{}, rpc.Errorf(rpc.Forbidden, "%s is for the cloud's task managers alone", contract.OwnedTaskPrefix)
	}
	var value any
	var err error
	switch req.Function {
	case contract.StopServerTask.Name:
		var stop contract.TaskIDRequest
		if err = json.Unmarshal(req.Body, &stop); err == nil {
			value, err = contract.None{}, s.stopHere(ctx, stop.TaskID, baseservice.Call{Function: req.Function, MessageID: req.Call})
		}
	case contract.ServerLogs.Name:
		var logs contract.LogsRequest
		if err = json.Unmarshal(req.Body, &logs); err == nil {
			value, err = s.logsHere(logs)
		}
	default:
		err = rpc.Errorf(rpc.Invalid, "%s is not passed on between task managers", req.Function)
	}
	if err != nil {
		return ownedReply{Code: rpc.CodeOf(err), Text: err.Error()}, nil
	}
	encoded, err := json.Marshal(value)
	return ownedReply{Value: encoded}, err
}

// forward asks the manager that ran a task's last execution, and answers what that
// says.
func forward[Req, Resp any](ctx context.Context, s *Service, t *task, fn contract.Function[Req, Resp], req Req) (resp Resp, err error) {
	owner, err := s.store.instance(ctx, t.owner)
	if err != nil {
		return resp, err
	}
	if !owner.alive {
		return resp, s.silent(t, owner, nil)
	}
	body, err := json.Marshal(req)
	if err != nil {
		return resp, err
	}
	call, _ := baseservice.CallFrom(ctx)
	// In the name of this service, which vouches for the caller; and in time to tell
	// the caller who was silent.
	asking, cancel := rpc.WithIdentity(ctx, rpc.Identity{}), context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		asking, cancel = context.WithTimeout(asking, time.Until(deadline)*4/5)
	}
	defer cancel()
	reply, err := rpc.Call(asking, s.opt.Base.Transport, ownedBy(owner.id), ownedRequest{Function: fn.Name, Call: call.MessageID, Body: body})
	switch code := rpc.CodeOf(err); {
	case code == rpc.Unavailable, code == rpc.Deadline:
		return resp, s.silent(t, owner, err)
	case err != nil:
		return resp, rpc.Errorf(code, "ask %s: %w", owner, err)
	case reply.Code != "":
		return resp, rpc.Text(reply.Code, reply.Text)
	}
	return resp, json.Unmarshal(reply.Value, &resp)
}

// silent says that a task's manager does not answer, and what comes of that.
func (s *Service) silent(t *task, owner instance, err error) error {
	what := "its output is kept there"
	if t.state == stateRunning {
		what = "if it is gone, its tasks are recorded as lost within " + s.shared.within().String()
	}
	if err == nil {
		return rpc.Errorf(rpc.Unavailable, "%s, which ran task %s last, is not there: %s", owner, t.id, what)
	}
	return rpc.Errorf(rpc.Unavailable, "%s, which ran task %s last, does not answer: %s: %w", owner, t.id, what, err)
}
