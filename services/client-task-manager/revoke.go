package clienttaskmanager

import (
	"context"
	"errors"
	"sync"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// revokeBundle keeps bundles from running here, for good, and ends their running
// copies before it answers. To revoke one again changes nothing.
func (s *Service) revokeBundle(ctx context.Context, req contract.RevokeRequest) (none contract.None, err error) {
	err = s.revoked.add(append([]string{req.Digest}, req.Others...)...)
	// Whatever became of the list: what it names must not run.
	if err = errors.Join(err, s.endRevoked(ctx)); err != nil {
		return none, rpc.Errorf(rpc.Internal, "%w", err)
	}
	return none, nil
}

// endRevoked ends every running execution whose bundle is revoked, all at once.
func (s *Service) endRevoked(ctx context.Context) error {
	var ends sync.WaitGroup
	list := s.procs.Processes()
	failed := make([]error, len(list))
	for i, p := range list {
		ends.Go(func() { failed[i] = s.endIfRevoked(ctx, p) })
	}
	ends.Wait()
	return errors.Join(failed...)
}

// endIfRevoked kills an execution that must not run. It gets no time to tidy up:
// its code is not to be trusted.
func (s *Service) endIfRevoked(ctx context.Context, p *supervise.Process) error {
	if _, over := p.Exit(); over || s.revoked.check(p.Labels()[labelBundle]) == nil {
		return nil
	}
	s.log.Warn("a running task's bundle is revoked; killing it", "task_id", p.TaskID(), "execution_id", p.ID(), "pid", p.PID())
	return p.Kill(context.WithoutCancel(ctx))
}
