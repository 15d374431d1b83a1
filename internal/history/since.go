package history

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// kindTable is how records of one kind are read by their seq.
type kindTable struct {
	kind                            contract.RecordKind
	table, columns                  string
	task, client, execution, record string // the columns of these; "" where there are none
	scan                            func(*sql.Rows) (Entry, error)
}

func (s *Store) kindTables() []kindTable {
	return []kindTable{
		{contract.RecordEvent, "events", eventColumns, "task", "client", "execution", "time", func(rows *sql.Rows) (Entry, error) { return s.scanEvent(rows) }},
		{contract.RecordRound, "rounds JOIN series ON series.id = rounds.series", roundColumns, "task", "client", "execution", "time", scanRound},
		{contract.RecordExecution, "executions", "seq, record, time, task, client, id, trace, run, lines", "task", "client", "id", "time", scanRun},
		{contract.RecordClient, "states", "seq, record, time, client, trace, state", "", "client", "", "time", scanState},
	}
}

// since reads what came after a seq, up to and with last, from the file.
func (s *Store) since(ctx context.Context, f *Filter, after, last int64, limit int) (entries []Entry, err error) {
	for _, t := range s.kindTables() {
		if !f.wants(t.kind) {
			continue
		}
		found, err := s.sinceOf(ctx, t, f, after, last, limit)
		if err != nil {
			return nil, err
		}
		entries = append(entries, found...)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return entries[:min(limit, len(entries))], nil
}

// sinceOf reads those of one kind, in steps that are short enough for a snapshot.
func (s *Store) sinceOf(ctx context.Context, t kindTable, f *Filter, after, last int64, limit int) (entries []Entry, err error) {
	where, ok := s.whereOf(t, f)
	if !ok {
		return nil, nil
	}
	for after < last && len(entries) < limit {
		through := min(last, after+int64(s.maxScan))
		err := s.db.View(ctx, func(q database.Querier) error {
			query := fmt.Sprintf("SELECT %s FROM %s WHERE seq > ? AND seq <= ? AND %s ORDER BY seq LIMIT %d", t.columns, t.table, &where, limit-len(entries))
			rows, err := q.QueryContext(ctx, query, append([]any{after, through}, where.args...)...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				e, err := t.scan(rows)
				if err != nil {
					return err
				}
				entries = append(entries, e)
			}
			return rows.Err()
		})
		if err != nil {
			return nil, err
		}
		after = through
	}
	return entries, nil
}

func (s *Store) whereOf(t kindTable, f *Filter) (where conditions, ok bool) {
	for _, c := range []struct{ column, want string }{{t.task, f.Task}, {t.client, f.Client}, {t.execution, f.Execution}} {
		switch {
		case c.want == "":
		case c.column == "":
			return where, false
		case t.kind != contract.RecordEvent:
			where.add(c.column+" = ?", c.want)
		case c.column == "execution":
			where.add("execution = ?", s.id(c.want))
		default:
			id, ok := s.names.find(c.want)
			if !ok {
				return where, false
			}
			where.add(c.column+" = ?", id)
		}
	}
	if f.Cloud {
		if t.kind == contract.RecordEvent {
			where.add("client = 0")
		} else {
			where.add("client = ''")
		}
	}
	if f.From != 0 {
		where.add("time >= ?", f.From)
	}
	if f.To != 0 {
		where.add("time <= ?", f.To)
	}
	if f.Service != "" {
		id, ok := s.names.find(f.Service)
		if !ok {
			return where, false
		}
		where.add("service = ?", id)
	}
	if f.Function != "" {
		where.add("function = ?", f.Function)
	}
	if f.Text != "" {
		where.add(s.contains(), pattern(valid(f.Text)))
	}
	return where, true
}

const roundColumns = "seq, rounds.id, time, task, client, execution, side, round, acc, loss, trace"

func scanRound(rows *sql.Rows) (Entry, error) {
	var id, trace any
	r := &contract.Round{}
	e := Entry{Record: contract.Record{Kind: contract.RecordRound, Round: r}}
	err := rows.Scan(&e.Seq, &id, &e.Time, &e.Task, &e.Client, &e.Execution, &r.Side, &r.Round, &r.Acc, &r.Loss, &trace)
	e.ID, e.Trace = unpackID(id), unpackTrace(trace)
	return e, err
}

func scanRun(rows *sql.Rows) (Entry, error) {
	var id, trace any
	var run, lines []byte
	e := Entry{Record: contract.Record{Kind: contract.RecordExecution, Run: &contract.ExecutionRun{}}}
	if err := rows.Scan(&e.Seq, &id, &e.Time, &e.Task, &e.Client, &e.Execution, &trace, &run, &lines); err != nil {
		return e, err
	}
	e.ID, e.Trace = unpackID(id), unpackTrace(trace)
	return e, errors.Join(json.Unmarshal(run, e.Run), json.Unmarshal(lines, &e.Run.LastLines))
}

func scanState(rows *sql.Rows) (Entry, error) {
	var id, trace any
	var state []byte
	e := Entry{Record: contract.Record{Kind: contract.RecordClient, State: &contract.ClientState{}}}
	if err := rows.Scan(&e.Seq, &id, &e.Time, &e.Client, &trace, &state); err != nil {
		return e, err
	}
	e.ID, e.Trace = unpackID(id), unpackTrace(trace)
	return e, json.Unmarshal(state, e.State)
}
