package cloudtaskmanager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// stopping writes down that an execution is about to be stopped, and why.
func (s *store) stopping(ctx context.Context, taskID, executionID string, why end) error {
	return s.db.UpdateOf(ctx, taskID, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO stops (execution_id, reason, detail, function, message_id, at_ms) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (execution_id) DO NOTHING`,
			executionID, why.reason, why.detail, why.call.Function, why.call.MessageID, time.Now().UnixMilli()); err != nil {
			return err
		}
		return s.withdraw(ctx, tx, taskID, executionID, contract.ChangeStopped)
	})
}

// stopped ends what stopping began, in the transaction of the execution's end: the
// call that asked for it took effect. call is the one that is known without it;
// announced tells whether it was begun.
func (s *store) stopped(ctx context.Context, tx *sql.Tx, executionID string, call baseservice.Call) (announced bool, err error) {
	var asked baseservice.Call
	err = tx.QueryRowContext(ctx, `DELETE FROM stops WHERE execution_id = ? RETURNING function, message_id`, executionID).Scan(&asked.Function, &asked.MessageID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("settle the stop of %s: %w", executionID, err)
	}
	announced = err == nil
	if asked.MessageID != "" {
		call = asked
	}
	if call.MessageID == "" {
		return announced, nil
	}
	return announced, s.calls.RememberCall(ctx, tx, call, nothing)
}

// stops returns what an earlier run of the service was stopping, by execution. What
// ended by itself just when it was to be stopped is forgotten.
func (s *store) stops(ctx context.Context) (map[string]end, error) {
	all := map[string]end{}
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM stops WHERE execution_id NOT IN (SELECT execution_id FROM tasks WHERE state = ?)`, string(stateRunning))
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, `SELECT execution_id, reason, detail, function, message_id FROM stops`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var e end
			if err := rows.Scan(&id, &e.reason, &e.detail, &e.call.Function, &e.call.MessageID); err != nil {
				return err
			}
			all[id] = e
		}
		return rows.Err()
	})
	return all, err
}
