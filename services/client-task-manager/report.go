package clienttaskmanager

import (
	"context"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// sendInfo tells the cloud what the client has, if that is new to it.
func (s *Service) sendInfo(ctx context.Context) {
	req, raw, err := s.info.changed()
	if err != nil {
		s.log.Error("the client's information cannot be sent", "err", err)
		s.status.failed(err)
		return
	}
	if req == nil {
		return
	}
	started := time.Now()
	const function = "rpc_call_send_client_stats"
	s.base.Event(ctx, contract.About{}, function, "Started getting client stats for sending")
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := rpc.Call(callCtx, s.opt.Base.Transport, contract.UpdateUser, *req); err != nil {
		if ctx.Err() == nil {
			s.log.Warn("the cloud did not take the client's information", "err", err)
		}
		return
	}
	s.info.told(raw)
	s.base.Event(ctx, contract.About{}, function, "Finished getting client stats for sending")
	s.base.Event(ctx, contract.About{}, "update_info_time", nanoseconds(started))
}

// requestTasks asks which tasks this client may run, in the order in which they
// are to be tried.
func (s *Service) requestTasks(ctx context.Context) ([]contract.OfferedTask, error) {
	started := time.Now()
	const function = "rpc_call_request_task"
	s.base.Event(ctx, contract.About{}, function, "Started requesting task")
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	offered, err := rpc.Call(callCtx, s.opt.Base.Transport, contract.RequestTasks, contract.UserIDRequest{UserID: s.opt.UserID})
	if err != nil {
		s.base.Event(ctx, contract.About{}, function, "Failed requesting task")
		return nil, err
	}
	s.base.Event(ctx, contract.About{}, function, "Finished requesting task")
	s.base.Event(ctx, contract.About{}, "request_task_time", nanoseconds(started))
	return offered, nil
}
