package cloudtaskmanager

import (
	"context"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// keepLease renews this manager's lease until ctx ends, and with each renewal does
// what leases are for: it ends what was taken from it, and takes over from those
// that are gone.
//
// It condemns nobody before it was in touch with the database for a whole lease
// without a break: after an outage of the database, or of everything, all leases have
// passed, and everybody is given the time to renew theirs.
func (s *Service) keepLease(ctx context.Context) {
	if s.shared == nil {
		return
	}
	tick := time.NewTicker(s.shared.renewal())
	defer tick.Stop()
	inTouch := time.Now() // since when; zero: not now
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		kept, err := s.renewLease(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && inTouch.IsZero():
			continue
		case err != nil:
			s.log.Warn("the lease of this task manager cannot be renewed now; tasks run on", "lease", s.shared.lease, "err", err)
			inTouch = time.Time{}
			continue
		case !kept:
			s.log.Warn("the lease of this task manager had ended; the others may have recorded its tasks as lost", "lease", s.shared.lease)
			inTouch = time.Now()
		case inTouch.IsZero():
			s.log.Info("the lease of this task manager is renewed again")
			inTouch = time.Now()
		}
		if err := s.onLease(ctx, time.Since(inTouch) >= s.shared.lease); err != nil && ctx.Err() == nil {
			s.log.Error("what belongs to the leases could not be done now, and is tried again", "err", err)
		}
	}
}

func (s *Service) renewLease(ctx context.Context) (kept bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.shared.renewal())
	defer cancel()
	return s.store.renew(ctx, s.shared.host, s.shared.lease)
}

// onLease does what comes with a renewal; sure tells whether others may be taken for
// dead.
func (s *Service) onLease(ctx context.Context, sure bool) error {
	if err := s.compare(ctx); err != nil {
		return err
	}
	if sure {
		if err := s.takeOver(ctx); err != nil {
			return err
		}
	}
	others, err := s.store.others(ctx)
	if err != nil {
		return err
	}
	s.lookForMarks(others)
	return s.countStates(ctx)
}

// compare holds what runs here against the record. What the record does not know as
// running here the others took, and it is ended. What it knows as running, and what
// does not, is lost: the database went away in the middle of a start's commit.
func (s *Service) compare(ctx context.Context) error {
	all := s.runs.all() // first: one that begins meanwhile is not among them
	held, err := s.store.holding(ctx)
	if err != nil {
		return err
	}
	missing := map[string]bool{}
	for id, t := range held {
		if r := s.runs.get(t.id); r != nil && r.proc.ID() == id {
			continue
		}
		if !s.shared.missing[id] { // it may just begin, or just have ended
			missing[id] = true
		} else if err := s.lost(ctx, t, nil); err != nil {
			return err
		}
	}
	s.shared.missing = missing
	for _, r := range all {
		if held[r.proc.ID()] != nil || !r.decide(verdict{stateFailed, end{reason: contract.ReasonLost, detail: "another task manager recorded it as lost"}}) {
			continue
		}
		s.log.Warn("ends a task's server that was recorded as lost while this task manager was not heard of", "task_id", r.taskID, "execution_id", r.proc.ID(), "pid", r.proc.PID())
		s.workers.Go(func() {
			if err := r.proc.Stop(context.Background()); err != nil {
				s.log.Error("the server of a lost task could not be ended", "task_id", r.taskID, "execution_id", r.proc.ID(), "err", err)
			}
		})
	}
	return nil
}

// takeOver deals with the tasks of managers that are gone.
func (s *Service) takeOver(ctx context.Context) error {
	orphaned, err := s.store.orphaned(ctx)
	if err != nil || !orphaned {
		return err
	}
	lost, err := s.store.takeOver(ctx)
	if err != nil {
		return err
	}
	for _, t := range lost {
		s.tellEnd(contract.About{Task: t.id, Execution: t.executionID}, t.pid, t.started, verdict{t.state, t.end}, nil)
		s.metrics.ended.WithLabelValues(string(t.end.reason)).Inc()
		s.log.Warn("a task's server is lost with its task manager", "task_id", t.id, "execution_id", t.executionID, "detail", t.end.detail)
	}
	return nil
}
