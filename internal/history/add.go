package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// Add stores records in one transaction, and returns how many of them were new.
// A record whose id is known, and one that is older than what it would replace,
// changes nothing. One that makes no sense (it lacks the body of its kind, or an
// id, or its time is not between the years 2000 and 2100) is passed over and
// counted in [Stats]. When Add has returned, readers find what it stored, and
// the followers are awake. A batch of 200 takes some milliseconds; one of very
// many may take longer than a transaction has time, and fails then as a whole.
func (s *Store) Add(ctx context.Context, records []contract.Record) (added int, err error) {
	good := make([]contract.Record, 0, len(records))
	var nonsense error
	for _, r := range records {
		r, err := accept(r)
		if err != nil {
			nonsense = fmt.Errorf("record %q of client %q: %w", cut(r.ID, 64), cut(r.Client, 64), err)
			continue
		}
		good = append(good, r)
	}
	if err := s.lock(ctx); err != nil {
		return 0, fmt.Errorf("add to the history: %w", err)
	}
	defer s.unlock()
	if nonsense != nil {
		s.skip(len(records)-len(good), nonsense)
	}
	if len(good) == 0 {
		return 0, nil
	}
	a := adding{store: s, at: s.opt.Now(), counts: counts{}}
	if err := s.db.Update(ctx, func(tx *sql.Tx) error { return a.all(ctx, tx, good) }); err != nil {
		clear(s.parts) // some of them may have been merged, and are not
		return 0, fmt.Errorf("add to the history: %w", err)
	}
	a.naming.committed()
	most := s.opt.MaxEvents + s.opt.MaxEvents/50
	if max(s.events.Add(a.events), s.rounds.Add(a.rounds)) > most {
		select {
		case s.full <- struct{}{}:
		default: // Run has been told already
		}
	}
	s.live.add(a.entries)
	return len(a.entries), nil
}

// skip counts records that made no sense, and tells of one of them, seldom.
func (s *Store) skip(n int, why error) {
	s.skipped.Add(int64(n))
	if now := s.opt.Now(); now.Sub(s.warned) > 10*time.Second {
		s.warned = now
		s.log.Warn("records that make no sense were passed over", "records", n, "so_far", s.skipped.Load(), "last", why)
	}
}

// adding is one transaction of Add.
type adding struct {
	store   *Store
	tx      *sql.Tx
	at      time.Time
	naming  naming
	counts  counts
	events  int64 // how many were new
	rounds  int64
	whose   triple // of the event that was just stored
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

func (a *adding) all(ctx context.Context, tx *sql.Tx, records []contract.Record) error {
	s := a.store
	a.tx, a.stmts = tx, map[*sql.Stmt]*sql.Stmt{}
	a.naming = naming{names: s.names, insert: tx.StmtContext(ctx, s.sql.name)}
	for _, r := range records {
		seq := s.next
		res, err := a.one(ctx, seq, &r)
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
		s.next++
		switch r.Kind {
		case contract.RecordEvent:
			a.events++
			a.counts.add(r.Time, a.whose, 1)
		case contract.RecordRound:
			a.rounds++
		}
		a.entries = append(a.entries, Entry{seq, r})
	}
	if err := s.writeCounts(ctx, tx, a.counts, maxParts); err != nil {
		return err
	}
	return s.bump(ctx, tx, map[string]int64{"events": a.events, "rounds": a.rounds})
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

func (a *adding) one(ctx context.Context, seq int64, r *contract.Record) (sql.Result, error) {
	received, trace := a.at.UnixMilli(), packTrace(r.Trace)
	effective := min(r.Time, seconds(a.at)) // a clock that was ahead once must not win for ever
	s := a.store
	switch r.Kind {
	case contract.RecordEvent:
		var err error
		for _, it := range []struct {
			name string
			to   *int64
		}{{r.Client, &a.whose.client}, {r.Event.Service, &a.whose.service}, {r.Task, &a.whose.task}} {
			if *it.to, err = a.naming.id(ctx, it.name); err != nil {
				return nil, err
			}
		}
		return a.stmt(ctx, s.sql.event).ExecContext(ctx, seq, packID(r.ID), r.Time, received,
			a.whose.client, a.whose.service, a.whose.task, packID(r.Execution),
			r.Event.Function, r.Event.Event, trace)

	case contract.RecordRound:
		var series int64
		err := a.stmt(ctx, s.sql.series).QueryRowContext(ctx, r.Task, r.Round.Side, r.Client, r.Execution, effective).Scan(&series)
		if err != nil {
			return nil, err
		}
		return a.stmt(ctx, s.sql.round).ExecContext(ctx, seq, packID(r.ID), series, r.Time, received,
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
		return a.stmt(ctx, s.sql.execution).ExecContext(ctx, r.Execution, seq, packID(r.ID), effective, received,
			r.Task, r.Client, run.Side, run.State, started, ended, trace, string(body), string(lines))

	default: // accept lets nothing else through
		body, err := json.Marshal(r.State)
		if err != nil {
			return nil, err
		}
		return a.stmt(ctx, s.sql.state).ExecContext(ctx, r.Client, seq, packID(r.ID), effective, received, trace, string(body))
	}
}
