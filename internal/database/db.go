package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

// DefaultTimeout bounds an Update or View whose caller set no Options.Timeout,
// the wait of Open for other processes, and the work of Close.
const DefaultTimeout = 10 * time.Second

// Engine is what keeps the tables.
type Engine string

// The engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgresql"
)

// Options adjusts a DB. The zero value is a good one.
type Options struct {
	// Server is the PostgreSQL database to use in place of a file.
	Server Server

	// Timeout bounds each Update and View, the wait for its turn included, in
	// addition to the caller's context. 0 means DefaultTimeout.
	Timeout time.Duration

	// Durable flushes each commit to the disk before Update returns, so that not
	// even a power cut takes it back.
	Durable bool

	// Observe, if set, is told of every Update ("update") and View ("view"): how
	// long it took, waiting included, and how it ended. It is called on the
	// caller's goroutine and must not use the DB.
	Observe func(op string, took time.Duration, err error)
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	opts    Options
	engine  engine
	writer  *sql.DB
	reader  *sql.DB // PostgreSQL: the writer
	closing sync.Once
	closed  error
}

// engine is what differs between the two.
type engine interface {
	kind() Engine
	// name is the path of a file, or where a schema is, without a password.
	name() string
	// connect opens the pools.
	connect() (writer, reader *sql.DB, err error)
	// prepare makes the database ready for its migrations, and tells them apart.
	prepare(ctx context.Context, db *DB) error
	migrations(all fs.FS) (fs.FS, error)
	// busy tells that an error of opening may pass.
	busy(err error) bool
	// begin takes the turn of an Update; of all if key is "".
	begin(ctx context.Context, tx *sql.Tx, key string) error
	// again tells that a transaction failed for meeting another, without effect.
	again(err error) bool
	// explain gives an error its kind: see Update.
	explain(err error) error
	size(ctx context.Context, db *DB) (int64, error)
	check(ctx context.Context, db *DB) error
	// optimize is the last thing that is done.
	optimize(ctx context.Context, db *DB) error
}

// Querier reads from one consistent snapshot of the database. *sql.Tx is one.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt
}

// Open opens the database at path, creating it (0600) and its folder (0700) when
// they are missing, and brings its schema up to the last of the migrations, which
// are the files NNNN_name.sql at the root of the given file system. A folder that
// exists keeps its mode. A nil file system means no migrations.
//
// With a PostgreSQL server the database is the schema agata_NAME there, NAME being
// that of the file without its ending, and the migrations are those of the folder
// postgres.
//
// A migration may take as long as ctx allows.
//
// It returns ErrNewerSchema when a later release has written the database, and
// ErrMigrationChanged when a migration was edited after it had been applied.
func Open(ctx context.Context, path string, migrations fs.FS, opts Options) (*DB, error) {
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	db := &DB{opts: opts}
	var err error
	if opts.Server.URL == "" {
		db.engine, err = newSQLite(path, opts)
	} else {
		db.engine, err = newPostgres(path, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", filepath.Base(path), err)
	}
	if err := db.open(ctx, migrations); err != nil {
		db.closePools() //nolint:errcheck // the reason is err; nothing was written that closing could lose
		return nil, fmt.Errorf("open database %s: %w", db.Path(), db.engine.explain(err))
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, migrations fs.FS) (err error) {
	if db.writer, db.reader, err = db.engine.connect(); err != nil {
		return err
	}
	if migrations != nil {
		if migrations, err = db.engine.migrations(migrations); err != nil {
			return err
		}
	}
	for start, wait := time.Now(), 5*time.Millisecond; ; wait = min(2*wait, time.Second) {
		// Every step here may be repeated.
		err := db.engine.prepare(ctx, db)
		if err == nil {
			err = db.migrate(ctx, migrations)
		}
		if err == nil {
			err = db.reader.PingContext(ctx)
		}
		if err == nil || !db.engine.busy(err) || time.Since(start) > DefaultTimeout {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// Engine tells what keeps the tables: for the statements that differ.
func (db *DB) Engine() Engine { return db.engine.kind() }

// Path returns the absolute path of the main file, or where the schema is, without
// a password: for messages.
func (db *DB) Path() string { return db.engine.name() }

// Size returns how many bytes the database takes on disk.
func (db *DB) Size(ctx context.Context) (int64, error) { return db.engine.size(ctx, db) }

// Check asks SQLite to verify the structure of the file, and empties the
// write-ahead log into it: it reads the whole file, a tool for a doctor.
// PostgreSQL is only asked for a sign of life.
func (db *DB) Check(ctx context.Context) error {
	if err := db.engine.check(ctx, db); err != nil {
		return fmt.Errorf("check database %s: %w", db.Path(), err)
	}
	return nil
}

// Close waits for running work to release its connections, lets SQLite refresh
// its statistics and fold the write-ahead log back into the file, and closes it.
// Further calls return what the first returned.
func (db *DB) Close() error {
	db.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), DefaultTimeout)
		defer cancel()
		if err := errors.Join(db.engine.optimize(ctx, db), db.closePools()); err != nil {
			db.closed = fmt.Errorf("close database %s: %w", db.Path(), err)
		}
	})
	return db.closed
}

// closePools closes the readers first: only the last connection to leave tidies
// SQLite's write-ahead log, and a reader may not write.
func (db *DB) closePools() error {
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// away is the error of a database that cannot be reached, or went away: the call
// may be made again.
func away(err error) error {
	return rpc.Errorf(rpc.Unavailable, "the database does not answer: %w", err)
}
