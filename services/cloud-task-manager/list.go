package cloudtaskmanager

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// listTasks returns a page of tasks.
func (s *Service) listTasks(ctx context.Context, req contract.ListTasksRequest) (contract.TaskList, error) {
	limit := req.Limit
	if limit == 0 {
		limit = defaultPage
	}
	by, err := orderOf(req.Order, req.After)
	if err != nil {
		return contract.TaskList{}, err
	}
	tasks, total, err := s.store.list(ctx, filter{state: req.State, query: req.Query}, by, limit+1)
	if err != nil {
		return contract.TaskList{}, err
	}
	page := contract.TaskList{Tasks: make([]contract.TaskSummary, 0, len(tasks)), Total: total}
	for i, t := range tasks {
		if i == limit {
			page.Next = by.cursor(tasks[i-1])
			break
		}
		page.Tasks = append(page.Tasks, t.summary())
	}
	return page, nil
}

// newestMark begins the cursors of lists that begin with the newest; no id begins
// with it, and cursors of lists by id are ids.
const newestMark = "~"

// order is how a list is sorted, and where in it the page begins.
type order struct {
	newest bool
	after  any // an id, or a seq; nil: the beginning
}

func orderOf(name, after string) (order, error) {
	o := order{newest: name == contract.OrderNewest}
	text, marked := strings.CutPrefix(after, newestMark)
	switch {
	case after == "":
		return o, nil
	case marked != o.newest:
		return o, rpc.Errorf(rpc.Invalid, "after: %q comes from a list in another order: begin without it", after)
	case !o.newest:
		o.after = after
		return o, nil
	}
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return o, rpc.Errorf(rpc.Invalid, "after: %q is not the next of an earlier page", after)
	}
	o.after = seq
	return o, nil
}

// cursor names the place behind a task.
func (o order) cursor(t *task) string {
	if o.newest {
		return newestMark + strconv.FormatInt(t.seq, 10)
	}
	return t.id
}

// filter says which tasks a list holds; empty fields hold all.
type filter struct {
	state string
	query string // a part of the id or of a tag, whatever its case
}

// where is the filter as a condition, with the values of its parameters.
func (f filter) where(on database.Engine) (conditions []string, values []any) {
	if f.state != "" {
		conditions, values = append(conditions, "state = ?"), append(values, f.state)
	}
	if f.query != "" {
		place := "instr(search, ?) > 0"
		if on == database.PostgreSQL {
			place = "strpos(search, ?) > 0"
		}
		conditions, values = append(conditions, place), append(values, strings.ToLower(f.query))
	}
	return conditions, values
}

// searchText is what a filter's query is looked for in.
func searchText(id string, tags []string) string {
	return strings.ToLower(strings.Join(append([]string{id}, tags...), "\n"))
}

// list returns up to limit tasks from a place on, and how many the filter holds in
// all, both of one moment.
func (s *store) list(ctx context.Context, f filter, by order, limit int) (tasks []*task, total int, err error) {
	conditions, values := f.where(s.db.Engine())
	count, page := "SELECT count(*) FROM tasks"+clause(conditions), "SELECT "+columns+" FROM tasks"
	pageValues := values
	if by.after != nil {
		pageValues = append(pageValues[:len(pageValues):len(pageValues)], by.after)
	}
	switch {
	case by.newest && by.after != nil:
		conditions = append(conditions, "seq < ?")
	case by.after != nil:
		conditions = append(conditions, "id > ?")
	}
	page += clause(conditions)
	if by.newest {
		page += " ORDER BY seq DESC LIMIT ?"
	} else {
		page += " ORDER BY id LIMIT ?"
	}
	err = s.db.View(ctx, func(q database.Querier) error {
		if err := q.QueryRowContext(ctx, count, values...).Scan(&total); err != nil {
			return fmt.Errorf("count the tasks: %w", err)
		}
		rows, err := q.QueryContext(ctx, page, append(pageValues, limit)...)
		tasks, err = collect(rows, err)
		return err
	})
	return tasks, total, err
}

func clause(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}
