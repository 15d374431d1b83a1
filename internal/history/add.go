package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// skip counts records that made no sense, and tells of one of them, seldom.
func (s *Store) skip(n int, why error) {
	s.skipped.Add(int64(n))
	now, last := s.opt.Now().UnixNano(), s.warned.Load()
	if now-last > int64(10*time.Second) && s.warned.CompareAndSwap(last, now) {
		s.log.Warn("records that make no sense were passed over", "records", n, "so_far", s.skipped.Load(), "last", why)
	}
}

// adding is one transaction that stores records.
type adding struct {
	store   *Store
	tx      *sql.Tx
	at      time.Time
	next    int64 // the seq after the last one given
	naming  naming
	counts  counts
	events  int64 // how many were new
	rounds  int64
	run     eventRun
	entries []Entry
	stmts   map[*sql.Stmt]*sql.Stmt // as this transaction uses them
}

// stmt is a statement within the transaction.
func (a *adding) stmt(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	if a.stmts[stmt] == nil {
		a.stmts[stmt] = a.tx.StmtContext(ctx, stmt)
	}
	return a.stmts[stmt]
}

func (a *adding) begin(ctx context.Context, tx *sql.Tx) error {
	s := a.store
	if err := s.catchUp(ctx, tx); err != nil {
		return err
	}
	a.tx, a.stmts, a.next = tx, map[*sql.Stmt]*sql.Stmt{}, s.next
	a.naming = naming{names: s.names, insert: tx.StmtContext(ctx, s.sql.name)}
	return nil
}

// all stores records, in their order.
func (a *adding) all(ctx context.Context, records []contract.Record) error {
	for i := range records {
		r := &records[i]
		if r.Kind == contract.RecordEvent {
			if err := a.event(ctx, r); err != nil {
				return fmt.Errorf("record %s: %w", r.ID, err)
			}
			continue
		}
		// Entries are in the order of their seq.
		if err := a.flush(ctx); err != nil {
			return err
		}
		res, err := a.one(ctx, a.next, r)
		if err != nil {
			return fmt.Errorf("record %s: %w", r.ID, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if r.Kind == contract.RecordRound {
			a.rounds++
		}
		a.entries = append(a.entries, Entry{a.next, *r})
		a.next++
	}
	return a.flush(ctx)
}

// end writes the counts of what was stored.
func (a *adding) end(ctx context.Context) error {
	if err := a.store.writeCounts(ctx, a.tx, a.counts, maxParts); err != nil {
		return err
	}
	if err := a.store.given(ctx, a.tx, a.next-1); err != nil {
		return err
	}
	return a.store.bump(ctx, a.tx, map[string]int64{"events": a.events, "rounds": a.rounds})
}

// bump changes figures.
func (s *Store) bump(ctx context.Context, tx *sql.Tx, by map[string]int64) error {
	for name, n := range by {
		if n == 0 {
			continue
		}
		if _, err := tx.StmtContext(ctx, s.sql.bump).ExecContext(ctx, name, n); err != nil {
			return fmt.Errorf("count what is stored: %w", err)
		}
	}
	return nil
}

// one stores a record that is no event.
func (a *adding) one(ctx context.Context, seq int64, r *contract.Record) (sql.Result, error) {
	received, trace := a.at.UnixMilli(), a.store.trace(r.Trace)
	effective := min(r.Time, seconds(a.at)) // a clock that was ahead once must not win for ever
	s := a.store
	switch r.Kind {
	case contract.RecordRound:
		var series int64
		err := a.stmt(ctx, s.sql.series).QueryRowContext(ctx, r.Task, r.Round.Side, r.Client, r.Execution, effective).Scan(&series)
		if err != nil {
			return nil, err
		}
		return a.stmt(ctx, s.sql.round).ExecContext(ctx, seq, s.id(r.ID), series, r.Time, received,
			r.Round.Round, r.Round.Acc, r.Round.Loss, trace)

	case contract.RecordExecution:
		run := *r.Run
		lines, err := json.Marshal(run.LastLines)
		if err != nil {
			return nil, err
		}
		run.LastLines = nil
		body, err := json.Marshal(run)
		if err != nil {
			return nil, err
		}
		started := run.Started
		if !sane(started) {
			started = r.Time
		}
		ended := run.Ended
		if run.State != contract.StateRunning && !sane(ended) {
			ended = effective
		}
		return a.stmt(ctx, s.sql.execution).ExecContext(ctx, r.Execution, seq, s.id(r.ID), effective, received,
			r.Task, r.Client, run.Side, run.State, started, ended, trace, string(body), string(lines))

	default: // accept lets nothing else through
		body, err := json.Marshal(r.State)
		if err != nil {
			return nil, err
		}
		return a.stmt(ctx, s.sql.state).ExecContext(ctx, r.Client, seq, s.id(r.ID), effective, received, trace, string(body))
	}
}
