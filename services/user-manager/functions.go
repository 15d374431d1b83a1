package usermanager

import (
	"context"
	"encoding/json"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// updateRequest is [contract.UpdateUserRequest] with the attributes as they
// came: 50 and 50.0, or an integer past 2^53, stay what they are.
type updateRequest struct {
	contract.UpdateUserRequest
	Attributes map[string]json.RawMessage `json:"attributes"`
}

// The contract's functions, on the types that spare reading what is only passed on.
var (
	updateUser = contract.Function[updateRequest, contract.None]{Name: contract.UpdateUser.Name, Idempotent: contract.UpdateUser.Idempotent}
	getUser    = contract.Function[contract.UserIDRequest, user]{Name: contract.GetUser.Name, Idempotent: contract.GetUser.Idempotent}
	listUsers  = contract.Function[contract.ListRequest, userList]{Name: contract.ListUsers.Name, Idempotent: contract.ListUsers.Idempotent}
)

func (s *Service) update(ctx context.Context, req updateRequest) (contract.None, error) {
	s.base.Event(ctx, contract.About{}, contract.UpdateUser.Name, "Started updating user info")
	if err := normalize(&req); err != nil {
		return contract.None{}, err
	}
	if err := s.store.update(ctx, req, time.Now()); err != nil {
		return contract.None{}, err
	}
	s.base.Event(ctx, contract.About{}, contract.UpdateUser.Name, "Finished updating user info")
	return contract.None{}, nil
}

func (s *Service) get(ctx context.Context, req contract.UserIDRequest) (user, error) {
	s.base.Routine(ctx, contract.About{}, contract.GetUser.Name, "Started querying user info")
	u, found, err := s.store.get(ctx, req.UserID)
	if err != nil {
		return user{}, err
	}
	if !found {
		return user{}, rpc.Text(rpc.NotFound, contract.UserNotRegistered(req.UserID))
	}
	s.base.Routine(ctx, contract.About{}, contract.GetUser.Name, "Finished querying user info")
	return u, nil
}

func (s *Service) list(ctx context.Context, req contract.ListRequest) (userList, error) {
	limit := req.Limit
	if limit == 0 {
		limit = 100
	}
	return s.store.list(ctx, req.After, req.Query, limit)
}
