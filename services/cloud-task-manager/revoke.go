package cloudtaskmanager

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// revokeBundle keeps bundles from being offered and run, for good, and ends the
// servers that run them. Clients are told by whoever reads the list.
func (s *Service) revokeBundle(ctx context.Context, req contract.RevokeRequest) (none contract.None, err error) {
	about := contract.About{Task: req.TaskID}
	s.base.Event(ctx, about, contract.RevokeBundle.Name, "Started revoking bundle")
	if err := s.store.revoke(ctx, req, time.Now()); errors.Is(err, errTooManyRevocations) {
		return none, rpc.Errorf(rpc.Conflict, "%w", err)
	} else if err != nil {
		return none, err
	}
	// It is revoked, whether or not the caller still waits.
	if err := s.loadRevoked(context.WithoutCancel(ctx)); err != nil {
		return none, err
	}
	s.log.Warn("revoked a bundle", "digest", req.Digest, "others", len(req.Others), "task_id", req.TaskID, "reason", req.Reason)
	s.endRevoked()
	s.base.Event(ctx, about, contract.RevokeBundle.Name, "Finished revoking bundle")
	return none, nil
}

func (s *Service) listRevocations(ctx context.Context, req contract.RevocationsRequest) (contract.RevocationList, error) {
	return s.store.revocations(ctx, req.After, cmp.Or(req.Limit, 100))
}

// allowed refuses a bundle that is revoked; "" is none.
func (s *Service) allowed(taskID, digest string) error {
	if s.revoked.has(digest) {
		return rpc.Errorf(rpc.Forbidden, "task %s is not started: its bundle %.12s was revoked; upload another one", taskID, digest)
	}
	return nil
}

// endRevoked ends the servers whose bundle is revoked. Their ends are recorded by
// their followers.
func (s *Service) endRevoked() {
	for _, r := range s.runs.all() {
		if s.revoked.has(r.proc.Labels()[labelBundle]) {
			s.endAsRevoked(r)
		}
	}
}

// endAsRevoked takes a task off, and kills its server: what was revoked gets no
// time to tidy up.
func (s *Service) endAsRevoked(r *run) {
	r.decide(verdict{state: stateStopped, end: end{reason: contract.ReasonRevoked, detail: "its bundle was revoked"}})
	s.unoffer(r.taskID)
	s.workers.Go(func() {
		if err := r.proc.Kill(context.Background()); err != nil {
			s.log.Error("the server of a revoked task could not be ended", "task_id", r.taskID, "execution_id", r.proc.ID(), "err", err)
		}
	})
}

// rebundled notes that a task's files, and perhaps its bundle, have changed: if it
// is on offer, clients learn which bundle they will get.
func (s *Service) rebundled(taskID string, files []artifact.File) {
	if s.shared != nil {
		return // each manager looks for itself
	}
	for _, f := range files {
		if f.Path == bundle.ManifestName {
			s.offers.Bundled(taskID, f.SHA256)
		}
	}
}
