package access

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/agata-fl/agata/internal/database"
)

//go:embed migrations/*.sql migrations/postgres/*.sql
var migrations embed.FS

// File is the name of the store's file in the data folder.
const File = "access.db"

// Options of a [Store]. The zero value is a good one.
type Options struct {
	// Session is after how long without a request a session ends; 12 h if zero.
	// However busy, it ends a week after it began, or after Session if that is more.
	Session time.Duration
	// Database is the PostgreSQL database to use in place of a file.
	Database database.Server
	Logger   *slog.Logger     // nil: silent
	Now      func() time.Time // nil: time.Now
}

// Store knows who may do what. It is safe for concurrent use. Its errors are
// those of package rpc: Invalid, NotFound, Conflict, Unauthorized, Forbidden and
// Unavailable tell of what kind they are.
type Store struct {
	db     *database.DB
	opt    Options
	log    *slog.Logger
	hasher *hasher
	sql    statements
	known  *known
}

// Open opens or creates the store at path, or in its place in Options.Database.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	return open(ctx, path, opt, usual)
}

func open(ctx context.Context, path string, opt Options, c cost) (*Store, error) {
	opt.Session = cmp.Or(opt.Session, 12*time.Hour)
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	db, err := database.Open(ctx, path, database.Migrations(migrations), database.Options{Server: opt.Database, Durable: true})
	if err != nil {
		return nil, fmt.Errorf("open the accounts: %w", err)
	}
	s := &Store{db: db, opt: opt, log: opt.Logger, hasher: newHasher(c), known: newKnown()}
	if err := s.sql.prepare(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open the accounts: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the store. A nil Store is closed.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	return s.db.Close()
}

func (s *Store) nowMS() int64 { return s.opt.Now().UnixMilli() }

// longest is how long a session lasts at most.
func (s *Store) longest() time.Duration { return max(7*24*time.Hour, s.opt.Session) }

// update changes the store. What was remembered of credentials is forgotten
// before it returns, so that whoever may do less does less at once.
func (s *Store) update(ctx context.Context, fn func(tx *sql.Tx) error) error {
	err := s.db.Update(ctx, fn)
	s.known.forget()
	return err
}

// affected is how many rows a statement changed.
func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func seconds(ms int64) float64 { return float64(ms) / 1e3 }
