package cloudtaskmanager

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// requestTasks lists the running tasks that a client may run, oldest first.
func (s *Service) requestTasks(ctx context.Context, req contract.UserIDRequest) ([]contract.OfferedTask, error) {
	s.base.Routine(ctx, contract.About{}, contract.RequestTasks.Name, "Started responding requested task to client")
	client, err := s.client(ctx, contract.About{}, req.UserID)
	if err != nil {
		return nil, err
	}
	if err := s.fresh(ctx); err != nil {
		return nil, err
	}
	tasks, err := s.offers.Select(ctx, client)
	tasks = slices.DeleteFunc(tasks, func(t contract.OfferedTask) bool { return s.revoked.has(t.Bundle) })
	if err == nil {
		err = s.withTickets(tasks, req.UserID)
	}
	if err != nil {
		return nil, err
	}
	s.seen.answered(req.UserID, client, tasks)
	s.base.Routine(ctx, contract.About{}, contract.RequestTasks.Name, "Finished responding requested task to client")
	return tasks, nil
}

// user is [contract.User] with the attributes as they came: 50 and 50.0, or an
// integer past 2^53, stay what they are.
type user struct {
	contract.User
	Attributes map[string]json.RawMessage `json:"attributes"`
}

var getUser = contract.Function[contract.UserIDRequest, user]{Name: contract.GetUser.Name, Idempotent: contract.GetUser.Idempotent}

// clientTime bounds the question to the user manager; a caller in a hurry leaves
// it four fifths of its time, so that the caller still learns who was silent.
const clientTime = 5 * time.Second

// client asks the user manager what a client has, by the names that criteria use.
func (s *Service) client(ctx context.Context, about contract.About, userID string) (map[string]any, error) {
	const function = "rpc_call_query_client_info"
	s.base.Routine(ctx, about, function, "Started querying client info")
	bound := clientTime
	if deadline, ok := ctx.Deadline(); ok {
		bound = min(bound, time.Until(deadline)*4/5)
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	u, err := rpc.Call(ctx, s.opt.Base.Transport, getUser, contract.UserIDRequest{UserID: userID})
	if err != nil {
		s.log.Info("a client is not known", "user_id", userID, "err", err)
		code := rpc.CodeOf(err)
		if code == rpc.Invalid {
			code = rpc.Internal // the mistake was not our caller's
		}
		return nil, &rpc.Error{Code: code, Message: contract.UserNotRetrieved(userID), Err: err}
	}
	s.base.Routine(ctx, about, function, "Finished querying client info")
	return names(u), nil
}
