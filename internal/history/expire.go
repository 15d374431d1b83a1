package history

import (
	"context"
	"database/sql"
)

// oldExecutions leaves those that run, however old their last word is.
func (p *pruning) oldExecutions(ctx context.Context, tx *sql.Tx) (bool, func(), error) {
	var excess int64
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM executions WHERE state <> 'running'").Scan(&excess); err != nil {
		return false, nil, err
	}
	excess -= p.opt.MaxEvents
	res, err := tx.ExecContext(ctx, `DELETE FROM executions WHERE id IN (SELECT id FROM
		(SELECT id, received, row_number() OVER (ORDER BY received) AS n FROM
			(SELECT id, received FROM executions WHERE state <> 'running' ORDER BY received LIMIT ?) AS over) AS ages
		WHERE received < ? OR n <= ?)`, pruneBatch, int64(p.cutoff*1000), excess)
	return some(res, err)
}

// oldStates removes the states of clients that have not been seen for long.
func (p *pruning) oldStates(ctx context.Context, tx *sql.Tx) (more bool, committed func(), err error) {
	rows, err := tx.QueryContext(ctx, "SELECT seq, client, received FROM states WHERE seq > ? ORDER BY seq LIMIT ?", p.state, pruneBatch)
	if err != nil {
		return false, nil, err
	}
	defer rows.Close()
	var gone []string
	n := 0
	for ; rows.Next(); n++ {
		var client string
		var received int64
		if err := rows.Scan(&p.state, &client, &received); err != nil {
			return false, nil, err
		}
		if float64(received) < p.cutoff*1000 && p.seen.get(client) < p.cutoff {
			gone = append(gone, client)
		}
	}
	if err := rows.Err(); err != nil {
		return false, nil, err
	}
	for _, client := range gone {
		if _, err := tx.ExecContext(ctx, "DELETE FROM states WHERE client = ?", client); err != nil {
			return false, nil, err
		}
	}
	return n == pruneBatch, nil, nil
}

func (p *pruning) oldClients(ctx context.Context, tx *sql.Tx) (bool, func(), error) {
	for _, client := range p.seen.forget(p.cutoff, pruneBatch) {
		if _, err := tx.ExecContext(ctx, "DELETE FROM seen WHERE client = ? AND at < ?", client, p.cutoff); err != nil {
			return false, nil, err // the next Open knows it again
		}
	}
	return false, nil, nil
}

// oldCommands gives up those that were not fetched, and removes them as long after.
func (p *pruning) oldCommands(ctx context.Context, tx *sql.Tx) (bool, func(), error) {
	_, err := tx.ExecContext(ctx, "UPDATE commands SET state = 'failed', ended = ?, error = ? WHERE state = 'pending' AND created < ?",
		p.now(), "the client did not fetch it within seven days", p.now()-keepCommands)
	if err != nil {
		return false, nil, err
	}
	return some(tx.ExecContext(ctx, "DELETE FROM commands WHERE seq IN (SELECT seq FROM commands WHERE created < ? LIMIT ?)", p.now()-2*keepCommands, pruneBatch))
}

func (p *pruning) oldAnswers(ctx context.Context, tx *sql.Tx) (bool, func(), error) {
	return some(tx.ExecContext(ctx, "DELETE FROM answers WHERE seq IN (SELECT seq FROM answers WHERE at <= ? LIMIT ?)", p.now()-keepAnswers, pruneBatch))
}

// some tells that there may be more when a whole batch was removed.
func some(res sql.Result, err error) (bool, func(), error) {
	if err != nil {
		return false, nil, err
	}
	n, err := res.RowsAffected()
	return n == pruneBatch, nil, err
}

// unusedNames removes the names that no event bears any more.
func (p *pruning) unusedNames(ctx context.Context, tx *sql.Tx) (more bool, committed func(), err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, NOT EXISTS (SELECT 1 FROM events WHERE client = names.id)
		AND NOT EXISTS (SELECT 1 FROM events WHERE service = names.id) AND NOT EXISTS (SELECT 1 FROM events WHERE task = names.id)
		FROM names WHERE id > ? ORDER BY id LIMIT ?`, p.name, pruneBatch)
	if err != nil {
		return false, nil, err
	}
	defer rows.Close()
	var gone []int64
	n := 0
	for ; rows.Next(); n++ {
		var unused bool
		if err := rows.Scan(&p.name, &unused); err != nil {
			return false, nil, err
		}
		if unused {
			gone = append(gone, p.name)
		}
	}
	if err := rows.Err(); err != nil {
		return false, nil, err
	}
	for _, id := range gone {
		if _, err := tx.ExecContext(ctx, "DELETE FROM names WHERE id = ?", id); err != nil {
			return false, nil, err
		}
	}
	if len(gone) > 0 {
		if _, err := tx.ExecContext(ctx, "UPDATE figures SET value = value + 1 WHERE name = 'forgotten'"); err != nil {
			return false, nil, err
		}
	}
	return n == pruneBatch, func() { p.names.forget(gone) }, nil
}
