package cloudtaskmanager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Among several managers an announced start (the table starts) is the claim on its
// task: it is made in a transaction that finds the task free, and the process is
// recorded only while the claim stands. So nothing depends on a lock that a broken
// connection would lose.

// claimAgain is how often a task is looked at that another manager starts or ends.
const claimAgain = 50 * time.Millisecond

var errGivenUp = errors.New("the start was given up by the other task managers, since this one had lost its lease")

// claimedError tells that another manager starts the task.
type claimedError struct{ by instance }

func (e claimedError) Error() string {
	return fmt.Sprintf("it is being started by %s", e.by)
}

// free returns nil if no other manager runs or starts a task, and it is registered.
func (s *store) free(ctx context.Context, tx *sql.Tx, taskID string) error {
	if s.me == "" {
		return nil // the process knows
	}
	t, err := scanTask(tx.QueryRowContext(ctx, sqlGet, taskID))
	switch {
	case err != nil:
		return err
	case t == nil:
		return rpc.Text(rpc.NotFound, contract.TaskNotRegistered(taskID))
	case t.state == stateRunning:
		return rpc.Text(rpc.Conflict, contract.TaskAlreadyRunning(taskID))
	}
	var by instance
	err = tx.QueryRowContext(ctx, `SELECT s.owner, coalesce(i.host, '') FROM starts s LEFT JOIN instances i ON i.id = s.owner
		WHERE s.task_id = ? AND s.owner <> ? LIMIT 1`, taskID, s.me).Scan(&by.id, &by.host)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return claimedError{by}
}

// patient repeats what finds a task claimed, as long as ctx allows.
func (s *Service) patient(ctx context.Context, taskID string, try func() error) error {
	for {
		err := try()
		claimed, ok := errors.AsType[claimedError](err)
		if !ok {
			return err
		}
		select {
		case <-ctx.Done():
			return rpc.Errorf(rpc.Unavailable, "task %s: %w, which does not come to an end; if it is gone, the task is free again within %s", taskID, claimed, s.shared.within())
		case <-time.After(claimAgain):
		}
	}
}

// ended waits for the end of an execution that another manager is ending, and
// returns the task's record as it is then. One that runs elsewhere is returned as it is.
func (s *Service) endedElsewhere(ctx context.Context, t *task) (*task, error) {
	for s.elsewhere(t) && t.withdrawn {
		select {
		case <-ctx.Done():
			return nil, rpc.Errorf(rpc.Deadline, "task %s is ending, and has not ended in time: %w", t.id, context.Cause(ctx))
		case <-time.After(claimAgain):
		}
		next, err := s.registered(ctx, t.id)
		if err != nil {
			return nil, err
		}
		t = next
	}
	return t, nil
}
