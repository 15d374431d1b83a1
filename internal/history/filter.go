package history

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// Filter says which records are asked for: those that have all of what is set.
type Filter struct {
	Kinds                   []contract.RecordKind // none: all
	Task, Client, Execution string
	Service, Function       string // only events have them
	// Text is part of an event's text; the case of Latin letters does not matter.
	Text string
	// From and To are the first and the last moment, in unix seconds; 0: no bound.
	From, To float64
	Cloud    bool // only what happened at the cloud: records without a client
}

// wants tells whether records of a kind can match.
func (f *Filter) wants(kind contract.RecordKind) bool {
	if kind != contract.RecordEvent && (f.Service != "" || f.Function != "" || f.Text != "") {
		return false
	}
	return len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind)
}

// match tells whether a record is one of those asked for.
func (f *Filter) match(r *contract.Record) bool {
	switch {
	case !f.wants(r.Kind),
		f.Task != "" && f.Task != r.Task,
		f.Client != "" && f.Client != r.Client,
		f.Execution != "" && f.Execution != r.Execution,
		f.Cloud && r.Client != "",
		f.From != 0 && r.Time < f.From,
		f.To != 0 && r.Time > f.To:
		return false
	case r.Kind != contract.RecordEvent:
		return true
	}
	return (f.Service == "" || f.Service == r.Event.Service) && (f.Function == "" || f.Function == r.Event.Function) &&
		(f.Text == "" || strings.Contains(lower(r.Event.Event), lower(f.Text)))
}

// lower folds the letters that SQLite's LIKE folds.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// pattern is the pattern for LIKE, with the escape \, of what contains a text.
func pattern(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// conditions are parts of a WHERE clause with their parameters.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts = append(c.texts, text)
	c.args = append(c.args, args...)
}

// String is the clause; it is true when there are no conditions.
func (c *conditions) String() string {
	if len(c.texts) == 0 {
		return "true"
	}
	return strings.Join(c.texts, " AND ")
}

// scan is how the events of a filter are read: through one index, in order of
// time, and the rest of the filter decides row by row.
type scan struct {
	index string     // as the query names it; "": it does not
	in    conditions // what the index finds
	rest  conditions // what each row is asked
}

// maxProbe is how far the entries of an index are counted to choose the index
// with the fewest.
const maxProbe = 2000

// plan chooses how to read the events of a filter. It returns false when no
// event can match.
func (s *Store) plan(ctx context.Context, q database.Querier, f *Filter) (*scan, bool, error) {
	if !f.wants(contract.RecordEvent) || f.Cloud && f.Client != "" {
		return nil, false, nil
	}
	type choice struct {
		index, text string
		arg         any
	}
	var choices []choice
	if f.Execution != "" {
		choices = append(choices, choice{"events_execution", "execution = ?", s.id(f.Execution)})
	}
	for _, c := range []struct{ name, index, text string }{
		{f.Task, "events_task", "task = ?"}, {f.Client, "events_client", "client = ?"}, {f.Service, "events_service", "service = ?"},
	} {
		if c.name == "" {
			continue
		}
		id, ok := s.names.find(c.name)
		if !ok {
			return nil, false, nil
		}
		choices = append(choices, choice{c.index, c.text, id})
	}
	if f.Cloud {
		choices = append(choices, choice{"events_client", "client = ?", int64(0)})
	}
	var times conditions
	if f.From != 0 {
		times.add("time >= ?", f.From)
	}
	if f.To != 0 {
		times.add("time <= ?", f.To)
	}

	p := &scan{index: s.indexed("events_time")}
	best := 0
	if len(choices) > 1 && f.Execution == "" && s.db.Engine() == database.SQLite {
		least := maxProbe + 1
		for i, c := range choices {
			var n int
			err := q.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM events%s WHERE %s AND %s LIMIT %d) AS few",
				s.indexed(c.index), c.text, &times, maxProbe), append([]any{c.arg}, times.args...)...).Scan(&n)
			if err != nil {
				return nil, false, fmt.Errorf("probe an index: %w", err)
			}
			if n < least {
				least, best = n, i
			}
		}
	}
	for i, c := range choices {
		if i == best {
			p.index = s.indexed(c.index)
			p.in.add(c.text, c.arg)
		} else {
			p.rest.add(c.text, c.arg)
		}
	}
	p.in.add(times.String(), times.args...)
	if f.Function != "" {
		p.rest.add("function = ?", f.Function)
	}
	if f.Text != "" {
		p.rest.add(s.contains(), pattern(valid(f.Text)))
	}
	return p, true, nil
}
