package history

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// ExecutionFilter says which executions are asked for: those that have all of
// what is set.
type ExecutionFilter struct{ Task, Client, State, Side, Execution string }

// Execution is how one execution of a task stands.
type Execution struct {
	ID     string `json:"id"`
	Task   string `json:"task"`
	Client string `json:"client"` // "" is the cloud
	contract.ExecutionRun
}

const executionColumns = `id, task, client, started, run`

// Executions returns a page of executions, the latest started first, without
// their last lines, and the cursor of the next page, "" at the end. A page has at
// most limit of them, 1 to 1000; 0 means 100.
func (s *Store) Executions(ctx context.Context, f ExecutionFilter, cursor string, limit int) (page []Execution, next string, err error) {
	limit = pageLimit(limit)
	var where conditions
	for _, c := range []struct{ column, want string }{{"id", f.Execution}, {"task", f.Task}, {"client", f.Client}, {"state", f.State}, {"side", f.Side}} {
		if c.want != "" {
			where.add(c.column+" = ?", c.want)
		}
	}
	if cursor != "" {
		started, id, err := parseExecutionPlace(cursor)
		if err != nil {
			return nil, "", fmt.Errorf("list executions: %w", err)
		}
		where.add("(started, id) < (?, ?)", started, id)
	}
	err = s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM executions WHERE %s ORDER BY started DESC, id DESC LIMIT %d", executionColumns, &where, limit+1), where.args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		last := ""
		for rows.Next() {
			if len(page) == limit {
				next = last
				break
			}
			e, started, err := scanExecution(rows)
			if err != nil {
				return err
			}
			page = append(page, e)
			last = executionPlace(started, e.ID)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, "", fmt.Errorf("list executions: %w", err)
	}
	return page, next, nil
}

// Execution returns one execution, with its last lines; false if it is not known.
func (s *Store) Execution(ctx context.Context, id string) (Execution, bool, error) {
	var lines []byte
	e, _, err := scanExecution(s.sql.getExecution.QueryRowContext(ctx, id), &lines)
	if err == nil {
		err = json.Unmarshal(lines, &e.LastLines)
	}
	if ignoreNoRows(err) != nil {
		return Execution{}, false, fmt.Errorf("read execution %s: %w", id, err)
	}
	return e, err == nil, nil
}

// scanExecution reads a row of executionColumns, and what follows them.
func scanExecution(row interface{ Scan(...any) error }, more ...any) (e Execution, started float64, err error) {
	var run []byte
	if err := row.Scan(append([]any{&e.ID, &e.Task, &e.Client, &started, &run}, more...)...); err != nil {
		return e, 0, err
	}
	return e, started, json.Unmarshal(run, &e.ExecutionRun)
}

func executionPlace(started float64, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatFloat(started, 'g', -1, 64) + " " + id))
}

func parseExecutionPlace(cursor string) (started float64, id string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, "", ErrCursor
	}
	first, id, found := strings.Cut(string(b), " ")
	started, err = strconv.ParseFloat(first, 64)
	if err != nil || !found || !sane(started) {
		return 0, "", ErrCursor
	}
	return started, id, nil
}

// Counts are figures of the present.
type Counts struct {
	ClientsSeen  int `json:"clients_seen"`  // within the last 60 s
	Running      int `json:"running"`       // executions, of both sides
	FailedLately int `json:"failed_lately"` // executions that failed within the last 24 h
}

// Counts counts clients and executions; now is in unix seconds.
func (s *Store) Counts(ctx context.Context, now float64) (Counts, error) {
	c := Counts{ClientsSeen: s.seen.since(now - 60)}
	err := s.db.View(ctx, func(q database.Querier) error {
		return q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM executions WHERE state = 'running'),
			(SELECT count(*) FROM executions WHERE state = 'failed' AND ended > ?)`, now-24*60*60).Scan(&c.Running, &c.FailedLately)
	})
	if err != nil {
		return c, fmt.Errorf("count executions: %w", err)
	}
	return c, nil
}
