package cloudtaskmanager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// All leases are by the database's clock.
const (
	sqlRenew = `UPDATE instances SET host = ?2, lease_until = clock_timestamp() + ?3 * interval '1 second'
		FROM (SELECT lease_until AS before FROM instances WHERE id = ?1 FOR UPDATE) AS old
		WHERE id = ?1 RETURNING old.before >= clock_timestamp()`
	sqlJoin     = `INSERT INTO instances (id, host, lease_until) VALUES (?1, ?2, clock_timestamp() + ?3 * interval '1 second')`
	sqlOrphaned = `SELECT EXISTS (SELECT 1 FROM instances WHERE lease_until < clock_timestamp())
		OR EXISTS (SELECT 1 FROM tasks WHERE state = 'running' AND owner NOT IN (SELECT id FROM instances))
		OR EXISTS (SELECT 1 FROM starts WHERE owner NOT IN (SELECT id FROM instances))`
	sqlExpired  = `DELETE FROM instances WHERE lease_until < clock_timestamp() RETURNING id, host, extract(epoch FROM clock_timestamp() - lease_until)::float8`
	sqlOrphans  = `SELECT ` + columns + ` FROM tasks WHERE state = 'running' AND owner NOT IN (SELECT id FROM instances) ORDER BY seq`
	sqlInstance = `SELECT host, lease_until >= clock_timestamp() FROM instances WHERE id = ?`
)

// instance is a task manager as the others know it.
type instance struct {
	id, host string
	alive    bool // its lease lasts
}

// String names it for people.
func (i instance) String() string {
	if i.host == "" {
		return "the task manager " + i.id
	}
	return fmt.Sprintf("the task manager on %s (%s)", i.host, i.id)
}

// renew makes this manager's lease last from now on. kept is false if it had ended
// before, or there was none: others may have taken over its tasks.
func (s *store) renew(ctx context.Context, host string, lease time.Duration) (kept bool, err error) {
	err = s.db.UpdateOf(ctx, s.me, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, sqlRenew, s.me, host, lease.Seconds()).Scan(&kept)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		kept = false
		if _, err := tx.ExecContext(ctx, sqlJoin, s.me, host, lease.Seconds()); err != nil {
			return err
		}
		return s.tell(ctx, tx, "", changeInstances, "")
	})
	if err != nil {
		return false, fmt.Errorf("renew the lease of this task manager: %w", err)
	}
	return kept, nil
}

// part ends this manager's lease: it runs nothing any more.
func (s *store) part(ctx context.Context) error {
	return s.db.UpdateOf(ctx, s.me, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM instances WHERE id = ?`, s.me); err != nil {
			return err
		}
		return s.tell(ctx, tx, "", changeInstances, "")
	})
}

// instance returns one by its id.
func (s *store) instance(ctx context.Context, id string) (instance, error) {
	i := instance{id: id}
	err := s.db.View(ctx, func(q database.Querier) error {
		err := q.QueryRowContext(ctx, sqlInstance, id).Scan(&i.host, &i.alive)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return i, err
}

// others returns the other instances whose lease lasts.
func (s *store) others(ctx context.Context) (list []instance, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		list = nil
		rows, err := q.QueryContext(ctx, `SELECT id, host, lease_until >= clock_timestamp() FROM instances WHERE id <> ? ORDER BY id`, s.me)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var i instance
			if err := rows.Scan(&i.id, &i.host, &i.alive); err != nil {
				return err
			}
			list = append(list, i)
		}
		return rows.Err()
	})
	return list, err
}

// orphaned tells whether there is something to take over.
func (s *store) orphaned(ctx context.Context) (yes bool, err error) {
	err = s.db.View(ctx, func(q database.Querier) error { return q.QueryRowContext(ctx, sqlOrphaned).Scan(&yes) })
	return yes, err
}

// takeOver ends the leases that have passed, records the running tasks of those who
// had them as lost, and gives up their starts. One manager alone does it: it is one
// transaction, and updates of the whole store take turns.
func (s *store) takeOver(ctx context.Context) (lost []*task, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		lost = nil
		gone, err := expire(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, sqlOrphans)
		if lost, err = collect(rows, err); err != nil {
			return err
		}
		for _, t := range lost {
			why, known := gone[t.owner]
			if !known {
				why = instance{id: t.owner}.String() + " is gone"
			}
			t.state, t.end = stateFailed, end{reason: contract.ReasonLost, detail: why, at: time.Now()}
			if _, err := s.end(ctx, tx, t.id, t.executionID, t.state, t.end); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM starts WHERE owner NOT IN (SELECT id FROM instances)`); err != nil {
			return err
		}
		return s.tell(ctx, tx, "", changeInstances, "")
	})
	if err != nil {
		return nil, fmt.Errorf("take over from task managers that are gone: %w", err)
	}
	return lost, nil
}

// expire deletes the instances whose lease has passed, and says of each what became
// of it.
func expire(ctx context.Context, tx *sql.Tx) (gone map[string]string, err error) {
	rows, err := tx.QueryContext(ctx, sqlExpired)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	gone = map[string]string{}
	for rows.Next() {
		var i instance
		var since float64
		if err := rows.Scan(&i.id, &i.host, &since); err != nil {
			return nil, err
		}
		ended := time.Now().Add(-time.Duration(since * float64(time.Second)))
		gone[i.id] = fmt.Sprintf("%s is gone: its lease ended at %s", i, ended.Format(contract.DateLayout))
	}
	return gone, rows.Err()
}

// holding returns the tasks that the record says run here, by execution.
func (s *store) holding(ctx context.Context) (map[string]*task, error) {
	held := map[string]*task{}
	tasks, err := s.some(ctx, `SELECT `+columns+` FROM tasks WHERE state = 'running' AND owner = ?`, s.me)
	for _, t := range tasks {
		held[t.executionID] = t
	}
	return held, err
}

// claim makes an execution of an earlier release, which noted no owner, this one's,
// and forgets what an earlier run knew of the progress of its executions.
func (s *store) claim(ctx context.Context, executions []string) error {
	if len(executions) == 0 {
		return nil
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, id := range executions {
			if _, err := tx.ExecContext(ctx, `UPDATE tasks SET owner = ?, stalled = 0 WHERE execution_id = ? AND owner IN (?, '')`, s.me, id, s.me); err != nil {
				return err
			}
		}
		return nil
	})
}
