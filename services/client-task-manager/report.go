package clienttaskmanager

import (
	"context"
	"slices"
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

// asking tells a request for tasks that is worth telling from the many that
// bring nothing new. It belongs to the poll under way; there is one at a time.
type asking struct {
	ids    []string // that the last one brought
	failed bool
}

// news takes an answer in and says whether it differs from the last one.
func (a *asking) news(offered []contract.OfferedTask, err error) bool {
	before, failed := a.ids, a.failed
	if a.failed = err != nil; a.failed {
		return !failed
	}
	a.ids = make([]string, len(offered))
	for i, t := range offered {
		a.ids[i] = t.ID
	}
	return failed || !slices.Equal(before, a.ids)
}

// requestTasks asks which tasks this client may run, in the order in which they
// are to be tried. The history is told of it when something led to it (prompted)
// or when it brings news.
func (s *Service) requestTasks(ctx context.Context, prompted bool) ([]contract.OfferedTask, error) {
	started := time.Now()
	const function = "rpc_call_request_task"
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	offered, err := rpc.Call(callCtx, s.opt.Base.Transport, contract.RequestTasks, contract.UserIDRequest{UserID: s.opt.UserID})
	tell := s.base.Recorder().Routine
	if s.asked.news(offered, err) || prompted {
		tell = s.base.Recorder().Forward
	}
	note := func(at time.Time, function, text string) {
		tell(ctx, contract.About{}, contract.Event{Time: float64(at.UnixNano()) / 1e9, Function: function, Event: text})
	}
	note(started, function, "Started requesting task")
	if err != nil {
		note(time.Now(), function, "Failed requesting task")
		return nil, err
	}
	note(time.Now(), function, "Finished requesting task")
	note(time.Now(), "request_task_time", nanoseconds(started))
	return offered, nil
}
