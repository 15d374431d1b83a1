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
	events []*contract.Record
	whose  []triple
	args   []any // eventColumnCount of each, the first one its seq
}

const eventColumnCount = 11

// event puts an event into the run, and writes that when it is long enough.
func (a *adding) event(ctx context.Context, r *contract.Record) error {
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
	run.events, run.whose = append(run.events, r), append(run.whose, whose)
	run.args = append(run.args, nil, a.store.id(r.ID), r.Time, a.at.UnixMilli(),
		whose.client, whose.service, task, a.store.id(r.Execution), r.Event.Function, r.Event.Event, a.store.trace(r.Trace))
	if len(run.events) == runWidths[0] {
		return a.flush(ctx)
	}
	return nil
}

// flush writes the run of events.
func (a *adding) flush(ctx context.Context) error {
	run := &a.run
	for i := 0; i < len(run.events); {
		at := slices.IndexFunc(runWidths[:], func(w int) bool { return w <= len(run.events)-i })
		n := runWidths[at]
		stored, err := a.insert(ctx, at, i)
		if err == nil && stored < int64(n) {
			err = a.oneByOne(ctx, i, n)
		}
		if err != nil {
			return fmt.Errorf("store events: %w", err)
		}
		if stored == int64(n) {
			for k := i; k < i+n; k++ {
				a.stored(k)
			}
		}
		i += n
	}
	clear(run.events)
	clear(run.args)
	run.events, run.whose, run.args = run.events[:0], run.whose[:0], run.args[:0]
	return nil
}

// insert writes the events from i on, as many as the width has, under the next
// seqs, and tells how many of them were new.
func (a *adding) insert(ctx context.Context, width, i int) (stored int64, err error) {
	n := runWidths[width]
	args := a.run.args[i*eventColumnCount : (i+n)*eventColumnCount]
	for k := range n {
		args[k*eventColumnCount] = a.next + int64(k)
	}
	res, err := a.stmt(ctx, a.store.sql.events[width]).ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// oneByOne takes n events back of which some were known, and writes each by itself,
// so that their seqs have no gap.
func (a *adding) oneByOne(ctx context.Context, i, n int) error {
	if _, err := a.stmt(ctx, a.store.sql.takeBack).ExecContext(ctx, a.next, a.next+int64(n)); err != nil {
		return err
	}
	for k := i; k < i+n; k++ {
		stored, err := a.insert(ctx, len(runWidths)-1, k)
		if err != nil {
			return err
		}
		if stored == 1 {
			a.stored(k)
		}
	}
	return nil
}

// stored counts an event of the run that was new, and has the next seq.
func (a *adding) stored(i int) {
	r := a.run.events[i]
	a.events++
	a.counts.add(r.Time, a.run.whose[i], 1)
	a.entries = append(a.entries, Entry{a.next, *r})
	a.next++
}
