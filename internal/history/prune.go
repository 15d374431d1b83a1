package history

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	// pruneBatch is how many rows are looked at in one transaction, a few
	// milliseconds' work: what is to be added waits no longer.
	pruneBatch = 500
	// prunePause lets others have the processor between two transactions.
	prunePause = 2 * time.Millisecond
)

// pruning is one pass over the store.
type pruning struct {
	*Store
	cutoff float64 // what arrived before is too old, unix seconds
	state  int64   // the seq of the last state that was looked at
	name   int64   // the last name that was looked at
}

// prune removes what is too old or too much, in small transactions.
func (s *Store) prune(ctx context.Context) error {
	p := &pruning{Store: s, cutoff: s.now() - s.opt.Retention.Seconds()}
	before := s.events.Load()
	s.names.release() // those of the pass before, long ago
	for _, of := range []struct {
		what string
		step func(context.Context, *sql.Tx) (more bool, committed func(), err error)
	}{
		{"events", p.oldEvents}, {"rounds", p.oldRounds}, {"executions", p.oldExecutions}, {"clients' states", p.oldStates},
		{"clients", p.oldClients}, {"commands", p.oldCommands}, {"answers", p.oldAnswers}, {"names", p.unusedNames},
	} {
		for more := true; more; {
			var err error
			if more, err = s.change(ctx, of.step); err != nil {
				return fmt.Errorf("remove old %s: %w", of.what, err)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(prunePause):
			}
		}
	}
	if n := before - s.events.Load(); n > 0 {
		s.log.Debug("old events were removed from the history", "events", n)
	}
	return nil
}

// change runs one transaction that changes records, and committed after it.
func (s *Store) change(ctx context.Context, step func(context.Context, *sql.Tx) (bool, func(), error)) (more bool, err error) {
	if err := s.lock(ctx); err != nil {
		return false, err
	}
	defer s.unlock()
	var committed func()
	err = s.db.Update(ctx, func(tx *sql.Tx) (err error) {
		more, committed, err = step(ctx, tx)
		return err
	})
	if err != nil {
		clear(s.parts)
		return false, err
	}
	if committed != nil {
		committed()
	}
	return more, nil
}

// oldEvents removes the events that arrived first, in the order of their seq, so
// that those that stay have no gap.
func (p *pruning) oldEvents(ctx context.Context, tx *sql.Tx) (bool, func(), error) {
	excess, err := p.excess(ctx, tx, "events")
	if err != nil {
		return false, nil, err
	}
	removed, last := counts{}, int64(0)
	n, err := p.oldest(ctx, tx, "SELECT seq, received, time, client, service, coalesce(task, 0) FROM events ORDER BY seq LIMIT ?", excess,
		func(rows *sql.Rows, received *int64) (func(), error) {
			var seq int64
			var at float64
			var whose triple
			err := rows.Scan(&seq, received, &at, &whose.client, &whose.service, &whose.task)
			return func() { last = seq; removed.add(at, whose, -1) }, err
		})
	if err != nil || n == 0 {
		return false, nil, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM events WHERE seq <= ?", last); err != nil {
		return false, nil, err
	}
	if err := p.writeCounts(ctx, tx, removed, 0); err != nil {
		return false, nil, err
	}
	return n == pruneBatch, func() { p.events.Add(-n); p.pruned.Store(max(last, p.pruned.Load())) }, p.removed(ctx, tx, "events", n, last)
}

func (p *pruning) oldRounds(ctx context.Context, tx *sql.Tx) (bool, func(), error) {
	excess, err := p.excess(ctx, tx, "rounds")
	if err != nil {
		return false, nil, err
	}
	last, series := int64(0), map[int64]bool{}
	n, err := p.oldest(ctx, tx, "SELECT seq, received, series FROM rounds ORDER BY seq LIMIT ?", excess,
		func(rows *sql.Rows, received *int64) (func(), error) {
			var seq, of int64
			err := rows.Scan(&seq, received, &of)
			return func() { last, series[of] = seq, true }, err
		})
	if err != nil || n == 0 {
		return false, nil, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM rounds WHERE seq <= ?", last); err != nil {
		return false, nil, err
	}
	for id := range series {
		if _, err := tx.ExecContext(ctx, "DELETE FROM series WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM rounds WHERE series = ?1)", id); err != nil {
			return false, nil, err
		}
	}
	return n == pruneBatch, func() { p.rounds.Add(-n); p.pruned.Store(max(last, p.pruned.Load())) }, p.removed(ctx, tx, "rounds", n, last)
}

// excess is how many there are too many of what is counted.
func (p *pruning) excess(ctx context.Context, tx *sql.Tx, what string) (n int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT value FROM figures WHERE name = ?", what).Scan(&n)
	return n - p.opt.MaxEvents, err
}

// oldest reads up to pruneBatch rows, and takes those that are too old or too
// much, up to the first that is neither.
func (p *pruning) oldest(ctx context.Context, tx *sql.Tx, query string, excess int64, scan func(rows *sql.Rows, received *int64) (take func(), err error)) (n int64, err error) {
	rows, err := tx.QueryContext(ctx, query, pruneBatch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var received int64
		take, err := scan(rows, &received)
		if err != nil {
			return 0, err
		}
		if n >= excess && float64(received) >= p.cutoff*1000 {
			break
		}
		take()
		n++
	}
	return n, rows.Err()
}

// removed notes that n rows went, up to a seq.
func (p *pruning) removed(ctx context.Context, tx *sql.Tx, what string, n, last int64) error {
	if err := p.bump(ctx, tx, map[string]int64{what: -n}); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE figures SET value = ?1 WHERE name = 'pruned' AND value < ?1", last)
	return err
}
