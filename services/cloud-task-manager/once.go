package cloudtaskmanager

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/baseservice"
)

// memory is the store's, once there is one: calls that took effect, each written
// in the transaction of its effect.
type memory struct{ *Service }

// Recall implements [baseservice.Memory].
func (m memory) Recall(ctx context.Context, call baseservice.Call) (json.RawMessage, bool, error) {
	return m.store.calls.Recall(ctx, call)
}

// nothing is the reply of every function that is remembered.
const nothing = "null"

// remember writes down that a call took effect, if that is not written yet: for
// effects that no transaction of the store holds.
func (s *store) remember(ctx context.Context, call baseservice.Call) error {
	if call.MessageID == "" {
		return nil
	}
	err := s.db.UpdateOf(ctx, call.MessageID, func(tx *sql.Tx) error { return s.calls.RememberCall(ctx, tx, call, nothing) })
	if database.IsUnique(err) {
		return nil
	}
	return err
}

// intent is a start that is under way: a process, which no transaction holds, is
// announced before it is spawned, so that a service that dies in between knows at
// its next start which call it belongs to.
type intent struct {
	executionID, taskID string
	at                  time.Time
}

// intend announces an execution, as the effect of the context's call. Among several
// managers that claims the task for this one.
func (s *store) intend(ctx context.Context, taskID, executionID string) error {
	call, _ := baseservice.CallFrom(ctx)
	return s.db.UpdateOf(ctx, taskID, func(tx *sql.Tx) error {
		if err := s.free(ctx, tx, taskID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO starts (execution_id, task_id, function, message_id, at_ms, owner) VALUES (?, ?, ?, ?, ?, ?)`,
			executionID, taskID, call.Function, call.MessageID, time.Now().UnixMilli(), s.me)
		return err
	})
}

// abandon takes an announcement back: there is no such process.
func (s *store) abandon(ctx context.Context, executionID string) error {
	return s.db.UpdateOf(context.WithoutCancel(ctx), executionID, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM starts WHERE execution_id = ?`, executionID)
		return err
	})
}

// fulfil turns an announcement into a call that took effect.
func (s *store) fulfil(ctx context.Context, tx *sql.Tx, executionID string) error {
	var call baseservice.Call
	err := tx.QueryRowContext(ctx, `DELETE FROM starts WHERE execution_id = ? RETURNING function, message_id`, executionID).
		Scan(&call.Function, &call.MessageID)
	if errors.Is(err, sql.ErrNoRows) && s.me != "" {
		return errGivenUp
	}
	if errors.Is(err, sql.ErrNoRows) || err == nil && call.MessageID == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("settle the start of %s: %w", executionID, err)
	}
	return s.calls.RememberCall(ctx, tx, call, nothing)
}

// intents returns what is announced here, by execution.
func (s *store) intents(ctx context.Context) (map[string]intent, error) {
	all := map[string]intent{}
	err := s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, `SELECT execution_id, task_id, at_ms FROM starts WHERE owner IN (?, '')`, s.me)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var i intent
			var at int64
			if err := rows.Scan(&i.executionID, &i.taskID, &at); err != nil {
				return err
			}
			i.at = time.UnixMilli(at)
			all[i.executionID] = i
		}
		return rows.Err()
	})
	return all, err
}

// settle deals with a start that was cut short and whose process was not found.
// Without a folder there was none, and the call may be made anew. With one nobody
// knows: the call counts as made and its execution as lost, since a second copy is
// not started in doubt.
func (s *Service) settle(ctx context.Context, i intent, doubt error) error {
	_, err := os.Stat(s.executionFolder(i.executionID))
	if errors.Is(err, fs.ErrNotExist) {
		return s.store.abandon(ctx, i.executionID)
	}
	t, err := s.store.get(ctx, i.taskID)
	if err != nil {
		return err
	}
	if t == nil || s.runs.get(t.id) != nil {
		return s.store.abandon(ctx, i.executionID)
	}
	before := t.state
	t.state, t.executionID, t.pid, t.started, t.modified = stateRunning, i.executionID, 0, i.at, i.at
	if err := s.store.started(ctx, t); err != nil {
		return fmt.Errorf("record the start of task %s: %w", t.id, err)
	}
	s.metrics.moved(before, stateRunning)
	return s.lost(ctx, t, doubt)
}
