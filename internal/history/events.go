package history

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// Bounds of one page.
const (
	defaultLimit = 100
	maxLimit     = 1000
	// maxScan is how many events one page looks at to find those that match what
	// no index knows: a text, a function, a second name.
	maxScan = 50_000
	// maxPage ends a page early when its texts grow large, in bytes.
	maxPage = 4 << 20
)

// ErrCursor means that a cursor is not one that a page gave.
var ErrCursor = errors.New("the cursor is none of this list: leave it out to begin anew")

// EventPage says which part of a list of events is asked for.
type EventPage struct {
	Cursor string // what the page before gave as next; "" begins
	Limit  int    // 1 to 1000; 0 means 100
	Newest bool   // newest first; else oldest first
}

// Events returns a page of events in order of their time, and of their Seq
// within one moment, and the cursor of the next page, "" at the end. A page
// looks at a bounded number of events: one that searches may be short, or even
// empty, and still have a next.
func (s *Store) Events(ctx context.Context, f Filter, page EventPage) (entries []Entry, next string, err error) {
	page.Limit = pageLimit(page.Limit)
	err = s.db.View(ctx, func(q database.Querier) error {
		p, ok, err := s.plan(ctx, q, &f)
		if err != nil || !ok {
			return err
		}
		entries, next, err = s.page(ctx, q, p, page)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("read events: %w", err)
	}
	return entries, next, nil
}

func pageLimit(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

const eventColumns = `seq, id, time, client, service, coalesce(task, 0), execution, function, text, trace`

// query selects columns of a scan's events, in order of time.
func (p *scan) query(columns string, more *conditions, newest bool, limit, offset int) (string, []any) {
	order := "ASC"
	if newest {
		order = "DESC"
	}
	return fmt.Sprintf("SELECT %s FROM events%s WHERE %s AND %s ORDER BY time %s, seq %s LIMIT %d OFFSET %d",
		columns, p.index, &p.in, more, order, order, limit, offset), append(slices.Clone(p.in.args), more.args...)
}

// last returns the last of the first n events of a scan that are looked at; nil
// if there are fewer.
func (p *scan) last(ctx context.Context, q database.Querier, n int, more *conditions, newest bool) (*Entry, error) {
	query, args := p.query("time, seq", more, newest, 1, n-1)
	var e Entry
	if err := q.QueryRowContext(ctx, query, args...).Scan(&e.Time, &e.Seq); err != nil {
		return nil, ignoreNoRows(err)
	}
	return &e, nil
}

func (s *Store) page(ctx context.Context, q database.Querier, p *scan, page EventPage) (entries []Entry, next string, err error) {
	behind, before := ">", "<="
	if page.Newest {
		behind, before = "<", ">="
	}
	var where conditions
	if page.Cursor != "" {
		at, seq, err := parsePlace(page.Cursor)
		if err != nil {
			return nil, "", err
		}
		where.add("(time, seq) "+behind+" (?, ?)", at, seq)
	}
	if len(p.rest.texts) > 0 {
		end, err := p.last(ctx, q, s.maxScan, &where, page.Newest)
		if err != nil {
			return nil, "", err
		}
		if end != nil {
			where.add("(time, seq) "+before+" (?, ?)", end.Time, end.Seq)
			next = place(*end)
		}
		where.add(p.rest.String(), p.rest.args...)
	}
	query, args := p.query(eventColumns, &where, page.Newest, page.Limit+1, 0)
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		if len(entries) == page.Limit || size > maxPage {
			return entries, place(entries[len(entries)-1]), nil
		}
		e, err := s.scanEvent(rows)
		if err != nil {
			return nil, "", err
		}
		size += len(e.Event.Event)
		entries = append(entries, e)
	}
	return entries, next, rows.Err()
}

// EachEvent calls fn with every event that matches, in order of time, until fn
// fails. It reads page by page: what comes meanwhile may or may not be told.
func (s *Store) EachEvent(ctx context.Context, f Filter, fn func(Entry) error) error {
	page := EventPage{Limit: maxLimit}
	for {
		entries, next, err := s.Events(ctx, f, page)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := fn(e); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		page.Cursor = next
	}
}

// scanEvent reads a row of eventColumns.
func (s *Store) scanEvent(row interface{ Scan(...any) error }) (Entry, error) {
	var client, service, task int64
	var id, execution, trace any
	e := Entry{Record: contract.Record{Kind: contract.RecordEvent, Event: &contract.Event{}}}
	err := row.Scan(&e.Seq, &id, &e.Time, &client, &service, &task, &execution, &e.Event.Function, &e.Event.Event, &trace)
	if err != nil {
		return e, fmt.Errorf("read an event: %w", err)
	}
	e.ID, e.Execution, e.Trace = unpackID(id), unpackID(execution), unpackTrace(trace)
	e.Client, e.Task = s.names.name(client), s.names.name(task)
	e.Event.Service, e.Event.Time = s.names.name(service), e.Time
	return e, nil
}

// place is the cursor of what comes behind an entry.
func place(e Entry) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatFloat(e.Time, 'g', -1, 64) + " " + strconv.FormatInt(e.Seq, 10)))
}

func parsePlace(cursor string) (at float64, seq int64, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, 0, ErrCursor
	}
	first, second, _ := strings.Cut(string(b), " ")
	at, err1 := strconv.ParseFloat(first, 64)
	seq, err2 := strconv.ParseInt(second, 10, 64)
	if err1 != nil || err2 != nil || !sane(at) {
		return 0, 0, ErrCursor
	}
	return at, seq, nil
}
