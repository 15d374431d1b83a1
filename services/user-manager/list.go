package usermanager

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/agata-fl/agata/internal/database"
)

// userList is [contract.UserList] of such users.
type userList struct {
	Users []user `json:"users"`
	Next  string `json:"next,omitempty"`
	Total int    `json:"total"`
}

// list reads users in the order of their ids, from behind the id after on, and
// counts all that have query in their ids, whatever its case; "" is in all. Both
// are of one moment. A page ends early when it grows large.
func (s *store) list(ctx context.Context, after, query string, limit int) (page userList, err error) {
	page.Users = []user{}
	list, args := s.listStmt, []any{after, limit + 1}
	count, countArgs := s.countStmt, []any(nil)
	if query != "" {
		query = strings.ToLower(query)
		list, args = s.findStmt, []any{after, query, limit + 1}
		count, countArgs = s.countFoundStmt, []any{query}
	}
	err = s.db.View(ctx, func(q database.Querier) error {
		if err := q.StmtContext(ctx, count).QueryRowContext(ctx, countArgs...).Scan(&page.Total); err != nil {
			return err
		}
		rows, err := q.StmtContext(ctx, list).QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		return fill(&page, rows, limit)
	})
	if err != nil {
		return userList{}, fmt.Errorf("list users: %w", err)
	}
	return page, nil
}

// fill reads rows into a page; a row too many says that there is another page.
func fill(page *userList, rows *sql.Rows, limit int) error {
	for size := 0; rows.Next(); {
		if len(page.Users) == limit || size > maxPage {
			page.Next = page.Users[len(page.Users)-1].ID
			break
		}
		u, n, err := scan(rows)
		if err != nil {
			return err
		}
		size += n
		page.Users = append(page.Users, u)
	}
	return rows.Err()
}
