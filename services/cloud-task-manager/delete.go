package cloudtaskmanager

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// deleteTask deletes a task that does not run: its record, its files and its last
// execution.
//
// The record goes first, in one transaction with a note that the files are still
// there, so that a service that dies in between leaves no task without its files:
// the next one finds the note and finishes. A task of the same id is created only
// when the note is gone, so that it does not inherit files.
func (s *Service) deleteTask(ctx context.Context, req contract.TaskIDRequest) (none contract.None, err error) {
	about := contract.About{Task: req.TaskID}
	s.base.Event(ctx, about, contract.DeleteTask.Name, "Started deleting task")
	done, err := s.turns.lock(ctx, req.TaskID)
	if err != nil {
		return none, err
	}
	defer done()
	if err := s.idle(ctx, req.TaskID); err != nil {
		return none, err
	}
	var was state
	err = s.patient(ctx, req.TaskID, func() (err error) {
		was, err = s.store.remove(ctx, req.TaskID)
		return err
	})
	if err != nil {
		return none, err
	}
	s.metrics.tasks.WithLabelValues(string(was)).Dec()
	if last := s.runs.forget(req.TaskID); last != nil {
		s.discard(last)
	}
	// The task is gone, whether or not the caller still waits.
	if err := s.removeLeft(context.WithoutCancel(ctx), req.TaskID); err != nil {
		return none, rpc.Errorf(rpc.Internal, "task %s is deleted, but its files are not; the service tries again when it starts: %w", req.TaskID, err)
	}
	s.log.Info("deleted a task", "task_id", req.TaskID)
	s.base.Event(ctx, about, contract.DeleteTask.Name, "Finished deleting task")
	return none, nil
}

// idle returns nil if a task is registered and does not run. The caller has the
// task's turn.
func (s *Service) idle(ctx context.Context, id string) error {
	t, err := s.registered(ctx, id)
	if err != nil {
		return err
	}
	if t, err = s.endedElsewhere(ctx, t); err != nil {
		return err
	}
	r, err := s.settled(ctx, id)
	if err == nil && (r != nil || s.elsewhere(t)) {
		err = rpc.Text(rpc.Conflict, contract.TaskRuns(id))
	}
	return err
}

// removeLeft deletes the files of a task whose record was deleted, if they were not.
func (s *Service) removeLeft(ctx context.Context, id string) error {
	if s.shared != nil {
		return s.store.removeBeside(ctx, id, s.files.Remove)
	}
	left, err := s.store.removal(ctx, id)
	if err != nil || !left {
		return err
	}
	if err := s.files.Remove(id); err != nil {
		return err
	}
	return s.store.removed(ctx, id)
}

// removeAllLeft deletes what a service that died has left. What cannot be deleted
// now is tried again by the next run.
func (s *Service) removeAllLeft(ctx context.Context) error {
	ids, err := s.store.removals(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.removeLeft(ctx, id); err != nil {
			s.log.Error("the files of a deleted task could not be removed", "task_id", id, "err", err)
		}
	}
	return nil
}

// remove deletes a task's record, notes that its files are still there, and
// returns its last state.
func (s *store) remove(ctx context.Context, id string) (was state, err error) {
	err = s.db.UpdateOf(ctx, id, func(tx *sql.Tx) error {
		if err := s.free(ctx, tx, id); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `DELETE FROM tasks WHERE id = ? RETURNING state`, id).Scan(&was); err != nil {
			return fmt.Errorf("delete task %s: %w", id, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO removals (id) VALUES (?) ON CONFLICT (id) DO NOTHING`, id); err != nil {
			return err
		}
		if err := s.calls.Remember(ctx, tx, nothing); err != nil {
			return err
		}
		return s.tell(ctx, tx, id, changeDeleted, "")
	})
	return was, err
}

// removeBeside deletes the files that a note says are left, while no other manager
// makes a task of this id: that one's files would go with them.
func (s *store) removeBeside(ctx context.Context, id string, remove func(string) error) error {
	return s.db.UpdateOf(ctx, id, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM removals WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return remove(id)
	})
}

// removed forgets the note of a task's files.
func (s *store) removed(ctx context.Context, id string) error {
	return s.db.UpdateOf(ctx, id, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM removals WHERE id = ?`, id)
		return err
	})
}

// removal tells whether files of a deleted task of this id may be there.
func (s *store) removal(ctx context.Context, id string) (left bool, err error) {
	err = s.removalStmt.QueryRowContext(ctx, id).Scan(&left)
	return left, err
}

// removals lists the deleted tasks whose files may be there.
func (s *store) removals(ctx context.Context) (ids []string, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, `SELECT id FROM removals ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}
