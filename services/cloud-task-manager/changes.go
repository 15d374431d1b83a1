package cloudtaskmanager

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// What changes beside what gateways are told of.
const (
	changeWithdrawn = "withdrawn" // a task is off offer, and has not ended yet
	changeDeleted   = "deleted"   // a task is
	changeRevoked   = "revoked"   // bundles are
	changeInstances = "instances" // a task manager has come or gone
)

const (
	// changesChannel is notified of each change.
	changesChannel = "agata_task_changes"
	// maxTableChanges bounds the changes that are kept for managers that are away.
	maxTableChanges = 1000
)

// sqlTell numbers the changes without a gap: who writes one has the lock until the
// commit, so that whoever has read one has read all before it.
const (
	sqlTellTurn = `SELECT pg_advisory_xact_lock(hashtextextended('agata task changes', 0))`
	sqlTell     = `WITH gone AS (DELETE FROM changes WHERE seq <= (SELECT max(seq) FROM changes) - ?4)
		INSERT INTO changes (seq, task, change, execution, at)
			SELECT coalesce(max(seq), 0) + 1, ?1, ?2, ?3, clock_timestamp() FROM changes
		RETURNING pg_notify('` + changesChannel + `', '')`
	sqlHead    = `SELECT coalesce(max(seq), 0) FROM changes`
	sqlChanges = `SELECT seq, task, change, execution, extract(epoch FROM clock_timestamp() - at)::float8 FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`
)

// tell writes down a change of a task, in its transaction and as the last part of
// it, for all managers that share the database. One that is alone tells itself.
func (s *store) tell(ctx context.Context, tx *sql.Tx, taskID, what, executionID string) error {
	if s.me == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, sqlTellTurn)
	if err == nil {
		_, err = tx.ExecContext(ctx, sqlTell, taskID, what, executionID, maxTableChanges)
	}
	if err != nil {
		return fmt.Errorf("tell the other task managers: %w", err)
	}
	return nil
}

// withdraw takes a task off offer, where several managers offer it, and tells why.
func (s *store) withdraw(ctx context.Context, tx *sql.Tx, taskID, executionID, why string) error {
	if s.me == "" {
		return nil
	}
	res, err := tx.ExecContext(ctx, `UPDATE tasks SET withdrawn = 1 WHERE id = ? AND execution_id = ? AND state = 'running'`, taskID, executionID)
	if err != nil {
		return fmt.Errorf("take task %s off offer: %w", taskID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err // another one has recorded its end
	}
	return s.tell(ctx, tx, taskID, why, executionID)
}

// finishing takes an execution off offer that has told its end.
func (s *store) finishing(ctx context.Context, taskID, executionID string) error {
	return s.db.UpdateOf(ctx, taskID, func(tx *sql.Tx) error { return s.withdraw(ctx, tx, taskID, executionID, changeWithdrawn) })
}

// filed tells that the files of a task have changed, if it is on offer.
func (s *store) filed(ctx context.Context, taskID string) error {
	return s.db.UpdateOf(ctx, taskID, func(tx *sql.Tx) error {
		t, err := scanTask(tx.QueryRowContext(ctx, sqlGet, taskID))
		if err != nil || t == nil || !t.offers() {
			return err
		}
		return s.tell(ctx, tx, taskID, contract.ChangeUpdated, "")
	})
}

// head is the last change that is committed.
func (s *store) head(ctx context.Context) (seq int64, err error) {
	err = s.headStmt.QueryRowContext(ctx).Scan(&seq)
	return seq, err
}

// changes returns up to limit changes after a place, in their order. at is by this
// machine's clock.
func (s *store) changes(ctx context.Context, after int64, limit int) (list []change, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		list = nil
		rows, err := q.QueryContext(ctx, sqlChanges, after, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		now := time.Now()
		for rows.Next() {
			var c change
			var age float64
			if err := rows.Scan(&c.Seq, &c.Task, &c.Change, &c.Execution, &age); err != nil {
				return err
			}
			c.at = now.Add(-time.Duration(age * float64(time.Second)))
			list = append(list, c)
		}
		return rows.Err()
	})
	return list, err
}
