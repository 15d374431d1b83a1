package usermanager

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

//go:embed migrations/*.sql migrations/postgres/*.sql
var migrationFiles embed.FS

func migrations() fs.FS { return database.Migrations(migrationFiles) }

const (
	columns = `id, creation_date, last_mod_date, data_qnt, avg_acc_contrib, avg_disconnection_per_round, sensors, attributes`

	sqlGet  = `SELECT ` + columns + ` FROM users WHERE id = ?`
	sqlList = `SELECT ` + columns + ` FROM users WHERE id > ? ORDER BY id LIMIT ?`
	sqlFind = `SELECT ` + columns + ` FROM users WHERE id > ? AND %s(search, ?) > 0 ORDER BY id LIMIT ?`

	sqlCount      = `SELECT count(*) FROM users`
	sqlCountFound = `SELECT count(*) FROM users WHERE %s(search, ?) > 0`

	sqlAttributes = `SELECT attributes FROM users WHERE id = ?`

	// A parameter that is NULL leaves its column as it is.
	sqlUpsert = `INSERT INTO users (` + columns + `, search)
		VALUES (?1, ?2, ?2, coalesce(CAST(?3 AS BIGINT), 0), ?4, ?5, coalesce(?6, '[]'), coalesce(?7, '{}'), ?8)
		ON CONFLICT (id) DO UPDATE SET
			search                      = ?8,
			last_mod_date               = ?2,
			data_qnt                    = coalesce(?3, users.data_qnt),
			avg_acc_contrib             = coalesce(?4, users.avg_acc_contrib),
			avg_disconnection_per_round = coalesce(?5, users.avg_disconnection_per_round),
			sensors                     = coalesce(?6, users.sensors),
			attributes                  = coalesce(?7, users.attributes)`

	// maxPage bounds the bytes of a page of the list, as far as they vary.
	maxPage = 1 << 20
)

// store is the table of users. It is safe for concurrent use.
type store struct {
	db    *database.DB
	calls *database.Calls

	getStmt, listStmt, findStmt, countStmt, countFoundStmt *sql.Stmt // of readers
	attrsStmt, upsert                                      *sql.Stmt // of the writer
}

func newStore(ctx context.Context, db *database.DB) (*store, error) {
	s := &store{db: db}
	place := map[database.Engine]string{database.SQLite: "instr", database.PostgreSQL: "strpos"}[db.Engine()]
	var errs [8]error
	s.getStmt, errs[0] = db.PrepareRead(ctx, sqlGet)
	s.listStmt, errs[1] = db.PrepareRead(ctx, sqlList)
	s.findStmt, errs[2] = db.PrepareRead(ctx, fmt.Sprintf(sqlFind, place))
	s.countStmt, errs[3] = db.PrepareRead(ctx, sqlCount)
	s.countFoundStmt, errs[4] = db.PrepareRead(ctx, fmt.Sprintf(sqlCountFound, place))
	s.attrsStmt, errs[5] = db.PrepareWrite(ctx, sqlAttributes)
	s.upsert, errs[6] = db.PrepareWrite(ctx, sqlUpsert)
	s.calls, errs[7] = database.NewCalls(ctx, db)
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
	return s.db.UpdateOf(ctx, req.UserID, func(tx *sql.Tx) error {
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
			req.UserID, now.UnixMilli(), req.DataQnt, req.AvgAccContrib, req.AvgDisconnectionPerRound, sensors, attributes,
			strings.ToLower(req.UserID))
		if err != nil {
			return fmt.Errorf("write user %s: %w", req.UserID, err)
		}
		return s.calls.Remember(ctx, tx, "null")
	})
}

// get reads a user by id.
func (s *store) get(ctx context.Context, id string) (u user, found bool, err error) {
	u, _, err = scan(s.getStmt.QueryRowContext(ctx, id))
	if errors.Is(err, sql.ErrNoRows) {
		return user{}, false, nil
	}
	if err != nil {
		return user{}, false, fmt.Errorf("read user %s: %w", id, err)
	}
	return u, true, nil
}

// user is [contract.User] with its lists as they are stored, which is as they go
// out: there is nothing to be gained from reading them in between.
type user struct {
	contract.User
	Sensors    json.RawMessage `json:"sensors"`
	Attributes json.RawMessage `json:"attributes,omitempty"`
}

// scan reads a row of [columns], and says how many bytes its varying parts have.
func scan(row interface{ Scan(...any) error }) (u user, size int, err error) {
	var created, modified int64
	var sensors, attributes []byte
	err = row.Scan(&u.ID, &created, &modified, &u.DataQnt, &u.AvgAccContrib, &u.AvgDisconnectionPerRound, &sensors, &attributes)
	if err != nil {
		return u, 0, err
	}
	u.CreationDate.Time, u.LastModDate.Time = time.UnixMilli(created), time.UnixMilli(modified)
	if u.Sensors = sensors; string(attributes) != "{}" {
		u.Attributes = attributes
	}
	return u, len(u.ID) + len(sensors) + len(attributes), nil
}
