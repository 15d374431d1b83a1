package usermanager

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/agata-fl/agata/internal/sqlitex"
	"github.com/agata-fl/agata/pkg/contract"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

func migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // cannot be: the folder is part of the program
	}
	return sub
}

const (
	columns = `id, creation_date, last_mod_date, data_qnt, avg_acc_contrib, avg_disconnection_per_round, sensors, attributes`

	sqlGet  = `SELECT ` + columns + ` FROM users WHERE id = ?`
	sqlList = `SELECT ` + columns + ` FROM users WHERE id > ? ORDER BY id LIMIT ?`

	sqlAttributes = `SELECT attributes FROM users WHERE id = ?`

	// A parameter that is NULL leaves its column as it is.
	sqlUpsert = `INSERT INTO users (` + columns + `)
		VALUES (?1, ?2, ?2, coalesce(?3, 0), ?4, ?5, coalesce(?6, '[]'), coalesce(?7, '{}'))
		ON CONFLICT (id) DO UPDATE SET
			last_mod_date               = ?2,
			data_qnt                    = coalesce(?3, data_qnt),
			avg_acc_contrib             = coalesce(?4, avg_acc_contrib),
			avg_disconnection_per_round = coalesce(?5, avg_disconnection_per_round),
			sensors                     = coalesce(?6, sensors),
			attributes                  = coalesce(?7, attributes)`

	// maxPage bounds the bytes of a page of the list, as far as they vary.
	maxPage = 1 << 20
)

// store is the table of users. It is safe for concurrent use.
type store struct {
	db                                   *sqlitex.DB
	getStmt, listStmt, attrsStmt, upsert *sql.Stmt
}

func newStore(ctx context.Context, db *sqlitex.DB) (*store, error) {
	s := &store{db: db}
	var errs [4]error
	s.getStmt, errs[0] = db.PrepareRead(ctx, sqlGet)
	s.listStmt, errs[1] = db.PrepareRead(ctx, sqlList)
	s.attrsStmt, errs[2] = db.PrepareWrite(ctx, sqlAttributes)
	s.upsert, errs[3] = db.PrepareWrite(ctx, sqlUpsert)
	return s, errors.Join(errs[:]...)
}

// update inserts the user, or changes the fields that are present.
func (s *store) update(ctx context.Context, req updateRequest, now time.Time) error {
	var sensors *string
	if req.Sensors != nil {
		b, err := json.Marshal(*req.Sensors)
		if err != nil {
			return fmt.Errorf("encode the sensors: %w", err)
		}
		text := string(b)
		sensors = &text
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		var attributes *string
		if len(req.Attributes) > 0 {
			var stored []byte
			err := tx.StmtContext(ctx, s.attrsStmt).QueryRowContext(ctx, req.UserID).Scan(&stored)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("read the attributes of user %s: %w", req.UserID, err)
			}
			merged, err := merge(stored, req.Attributes)
			if err != nil {
				return err
			}
			text := string(merged)
			attributes = &text
		}
		_, err := tx.StmtContext(ctx, s.upsert).ExecContext(ctx,
			req.UserID, now.UnixMilli(), req.DataQnt, req.AvgAccContrib, req.AvgDisconnectionPerRound, sensors, attributes)
		if err != nil {
			return fmt.Errorf("write user %s: %w", req.UserID, err)
		}
		return nil
	})
}

// get reads a user by id.
func (s *store) get(ctx context.Context, id string) (u contract.User, found bool, err error) {
	u, _, err = scan(s.getStmt.QueryRowContext(ctx, id))
	if errors.Is(err, sql.ErrNoRows) {
		return contract.User{}, false, nil
	}
	if err != nil {
		return contract.User{}, false, fmt.Errorf("read user %s: %w", id, err)
	}
	return u, true, nil
}

// list reads users in the order of their ids. A page ends early when it grows
// large.
func (s *store) list(ctx context.Context, after string, limit int) (contract.UserList, error) {
	page := contract.UserList{Users: []contract.User{}}
	rows, err := s.listStmt.QueryContext(ctx, after, limit+1)
	if err != nil {
		return page, fmt.Errorf("list users: %w", err)
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		if len(page.Users) == limit || size > maxPage {
			page.Next = page.Users[len(page.Users)-1].ID
			break
		}
		u, n, err := scan(rows)
		if err != nil {
			return page, fmt.Errorf("list users: %w", err)
		}
		size += n
		page.Users = append(page.Users, u)
	}
	if err := rows.Err(); err != nil {
		return page, fmt.Errorf("list users: %w", err)
	}
	return page, nil
}

// scan reads a row of [columns], and says how many bytes its varying parts have.
func scan(row interface{ Scan(...any) error }) (u contract.User, size int, err error) {
	var created, modified int64
	var sensors, attributes []byte
	err = row.Scan(&u.ID, &created, &modified, &u.DataQnt, &u.AvgAccContrib, &u.AvgDisconnectionPerRound, &sensors, &attributes)
	if err != nil {
		return u, 0, err
	}
	u.CreationDate.Time, u.LastModDate.Time = time.UnixMilli(created), time.UnixMilli(modified)
	if err := json.Unmarshal(sensors, &u.Sensors); err != nil {
		return u, 0, fmt.Errorf("decode the sensors: %w", err)
	}
	if string(attributes) != "{}" {
		var all map[string]json.RawMessage
		if err := json.Unmarshal(attributes, &all); err != nil {
			return u, 0, fmt.Errorf("decode the attributes: %w", err)
		}
		u.Attributes = make(map[string]any, len(all))
		for name, value := range all {
			u.Attributes[name] = value
		}
	}
	return u, len(u.ID) + len(sensors) + len(attributes), nil
}
