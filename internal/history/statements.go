package history

import (
	"context"
	"database/sql"
	"errors"

	"github.com/agata-fl/agata/internal/database"
)

// Statements that run often. Those of readers depend on what is asked for, and
// are put together where they are used.
type statements struct {
	name, part, bump, takeBack *sql.Stmt                 // of the writer
	events                     [len(runWidths)]*sql.Stmt // by width
	series, round              *sql.Stmt
	execution, state           *sql.Stmt
	pending, getExecution      *sql.Stmt // of readers
}

const (
	sqlName     = `INSERT INTO names (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`
	sqlTakeBack = `DELETE FROM events WHERE seq >= ? AND seq < ?`
	sqlPart     = `INSERT INTO density (width, cell, counts) VALUES (?, ?, ?)`
	sqlBump     = `UPDATE figures SET value = value + ?2 WHERE name = ?1`

	sqlSeries = `INSERT INTO series (task, side, client, execution, last) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (task, side, client, execution) DO UPDATE
		SET last = CASE WHEN excluded.last > series.last THEN excluded.last ELSE series.last END RETURNING id`
	sqlRound = `INSERT INTO rounds (seq, id, series, time, received, round, acc, loss, trace)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

	// An execution that has ended does not run again: its records may come in any
	// order. Between two others the later time wins, and a repeated record changes
	// nothing. A task or client that a record leaves out stays.
	sqlExecution = `INSERT INTO executions (id, seq, record, time, received, task, client, side, state, started, ended, trace, run, lines)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, record = excluded.record, time = excluded.time, received = excluded.received,
			task = CASE excluded.task WHEN '' THEN executions.task ELSE excluded.task END,
			client = CASE excluded.client WHEN '' THEN executions.client ELSE excluded.client END,
			side = excluded.side, state = excluded.state, started = excluded.started, ended = excluded.ended,
			trace = excluded.trace, run = excluded.run, lines = excluded.lines
		WHERE executions.record <> excluded.record AND CASE
			WHEN (executions.state = 'running') = (excluded.state = 'running') THEN excluded.time >= executions.time
			ELSE executions.state = 'running' END`

	// A client tells its states in their order, but a batch may come again. An older
	// one that arrives within a second of a newer is therefore passed over; later it is the
	// word of a client, or of a cloud, whose clock was set back.
	sqlState = `INSERT INTO states (client, seq, record, time, received, trace, state) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (client) DO UPDATE SET seq = excluded.seq, record = excluded.record, time = excluded.time,
			received = excluded.received, trace = excluded.trace, state = excluded.state
		WHERE states.record <> excluded.record
			AND (excluded.time >= states.time OR excluded.received NOT BETWEEN states.received AND states.received + 1000)`

	// For one client; each further one is one more pair in the middle.
	sqlSeen, sqlSeenMore = `INSERT INTO seen (client, at) VALUES (?, ?)`, `, (?, ?)`
	sqlSeenLast          = ` ON CONFLICT (client) DO UPDATE SET at = excluded.at WHERE excluded.at > seen.at`

	commandColumns  = `id, kind, task, digest, state, error, created, ended`
	sqlPending      = `SELECT id, kind, task, digest FROM commands WHERE client = ? AND state = 'pending' ORDER BY seq`
	sqlGetExecution = `SELECT ` + executionColumns + `, lines FROM executions WHERE id = ?`
)

func (s *statements) prepare(ctx context.Context, db *database.DB) error {
	var errs []error
	get := func(to **sql.Stmt, with func(context.Context, string) (*sql.Stmt, error), query string) {
		stmt, err := with(ctx, query)
		*to = stmt
		errs = append(errs, err)
	}
	get(&s.name, db.PrepareWrite, sqlName)
	get(&s.takeBack, db.PrepareWrite, sqlTakeBack)
	for i, n := range runWidths {
		get(&s.events[i], db.PrepareWrite, insertEvents(n))
	}
	get(&s.part, db.PrepareWrite, sqlPart)
	get(&s.bump, db.PrepareWrite, sqlBump)
	get(&s.series, db.PrepareWrite, sqlSeries)
	get(&s.round, db.PrepareWrite, sqlRound)
	get(&s.execution, db.PrepareWrite, sqlExecution)
	get(&s.state, db.PrepareWrite, sqlState)
	get(&s.pending, db.PrepareRead, sqlPending)
	get(&s.getExecution, db.PrepareRead, sqlGetExecution)
	return errors.Join(errs...)
}
