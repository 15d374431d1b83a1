package history

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agata-fl/agata/pkg/contract"
)

// Events come many at a time, and a statement costs as much as the row that it
// writes: one writes as many rows as there are, of the widths that are prepared.
var runWidths = [...]int{100, 10, 1}

const eventRow = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// insertEvents is the statement for n events.
func insertEvents(n int) string {
	return `INSERT INTO events (seq, id, time, received, client, service, task, execution, function, text, trace)
		VALUES ` + eventRow + strings.Repeat(", "+eventRow, n-1) + ` ON CONFLICT (id) DO NOTHING`
}

// eventRun is a run of events that are written together.
type eventRun struct {
	first  int64 // the seq of the first one
	events []*contract.Record
	whose  []triple
	args   []any
}

// event puts an event into the run, and writes that when it is long enough.
func (a *adding) event(ctx context.Context, seq int64, r *contract.Record) error {
	var whose triple
	for _, it := range [...]struct {
		name string
		to   *int64
	}{{r.Client, &whose.client}, {r.Event.Service, &whose.service}, {r.Task, &whose.task}} {
		var err error
		if *it.to, err = a.naming.id(ctx, it.name); err != nil {
			return err
		}
	}
	var task any // NULL where there is none
	if whose.task != 0 {
		task = whose.task
	}
	run := &a.run
	if len(run.events) == 0 {
		run.first = seq
	}
	run.events, run.whose = append(run.events, r), append(run.whose, whose)
	run.args = append(run.args, seq, a.store.id(r.ID), r.Time, a.at.UnixMilli(),
		whose.client, whose.service, task, a.store.id(r.Execution), r.Event.Function, r.Event.Event, a.store.trace(r.Trace))
	if len(run.events) == runWidths[0] {
		return a.flush(ctx)
	}
	return nil
}

// flush writes the run of events, whose seqs have no gap.
func (a *adding) flush(ctx context.Context) error {
	run := &a.run
	const columns = 11
	for i := 0; i < len(run.events); {
		at := slices.IndexFunc(runWidths[:], func(w int) bool { return w <= len(run.events)-i })
		n := runWidths[at]
		res, err := a.stmt(ctx, a.store.sql.events[at]).ExecContext(ctx, run.args[i*columns:(i+n)*columns]...)
		if err != nil {
			return fmt.Errorf("store events: %w", err)
		}
		stored, err := res.RowsAffected()
		if err != nil {
			return fmt.Errorf("store events: %w", err)
		}
		fresh := func(int64) bool { return true }
		if int(stored) < n {
			if fresh, err = a.stored(ctx, run.first+int64(i), n); err != nil {
				return fmt.Errorf("look which events are new: %w", err)
			}
		}
		for ; n > 0; n, i = n-1, i+1 {
			if seq := run.first + int64(i); fresh(seq) {
				r := run.events[i]
				a.events++
				a.counts.add(r.Time, run.whose[i], 1)
				a.entries = append(a.entries, Entry{seq, *r})
			}
		}
	}
	clear(run.events)
	clear(run.args)
	run.events, run.whose, run.args = run.events[:0], run.whose[:0], run.args[:0]
	return nil
}

// stored tells which of n seqs this transaction has given to events: the others
// were known.
func (a *adding) stored(ctx context.Context, first int64, n int) (func(seq int64) bool, error) {
	rows, err := a.stmt(ctx, a.store.sql.fresh).QueryContext(ctx, first, first+int64(n))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seqs := map[int64]bool{}
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		seqs[seq] = true
	}
	return func(seq int64) bool { return seqs[seq] }, rows.Err()
}
