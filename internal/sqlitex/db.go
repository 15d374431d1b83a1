package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite" // also registers the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// DefaultTimeout bounds an Update or View whose caller set no Options.Timeout,
	// the wait of Open for other processes, and the work of Close.
	DefaultTimeout = 10 * time.Second

	readers = 4
)

// Options adjusts a DB. The zero value is a good one.
type Options struct {
	// Timeout bounds each Update and View, the wait for the writer included, in
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

// DB is an open database file: one connection that writes, several that read.
// It is safe for concurrent use.
type DB struct {
	path    string
	opts    Options
	writer  *sql.DB
	reader  *sql.DB
	closing sync.Once
	closed  error
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
// A migration may take as long as ctx allows.
//
// It returns ErrNewerSchema when a later release has written the file, and
// ErrMigrationChanged when a migration was edited after it had been applied.
func Open(ctx context.Context, path string, migrations fs.FS, opts Options) (*DB, error) {
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := createPrivate(abs); err != nil {
		return nil, fmt.Errorf("open database %s: %w", abs, err)
	}
	db := &DB{path: abs, opts: opts}
	if err := db.connect(ctx, migrations); err != nil {
		db.closePools() //nolint:errcheck // the reason is err; nothing was written that closing could lose
		return nil, fmt.Errorf("open database %s: %w", abs, db.explain(err))
	}
	return db, nil
}

func (db *DB) connect(ctx context.Context, migrations fs.FS) error {
	var err error
	if db.writer, err = openPool(writerDSN(db.path, db.opts.Durable), 1); err != nil {
		return err
	}
	if db.reader, err = openPool(readerDSN(db.path), readers); err != nil {
		return err
	}
	for start := time.Now(); ; {
		// The busy timeout does not cover the change to WAL, nor the last close by
		// another process; both are brief, and every step here may be repeated.
		err := db.prepareFile(ctx, migrations)
		e, ok := errors.AsType[*sqlite.Error](err)
		if !ok || e.Code()&0xff != sqlite3.SQLITE_BUSY || time.Since(start) > DefaultTimeout {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (db *DB) prepareFile(ctx context.Context, migrations fs.FS) error {
	var mode string
	if err := db.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the journal mode is %q, not wal: put the file on a local disk, not on a network share", mode)
	}
	if err := migrate(ctx, db.writer, migrations); err != nil {
		return err
	}
	return db.reader.PingContext(ctx)
}

// createPrivate makes the file before SQLite does, which would use the umask; the
// -wal and -shm files take the mode of the main file.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chmod(0o600)
}

func openPool(dsn string, conns int) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns) // keep them all: opening one costs more than a query
	return pool, nil
}

// writerDSN puts busy_timeout first: the pragma after it already takes a lock, and
// another process may be opening the same file.
func writerDSN(path string, durable bool) string {
	synchronous := "NORMAL"
	if durable {
		synchronous = "FULL"
	}
	return dsn(path, "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous("+synchronous+")"+
		"&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_txlock=immediate")
}

func readerDSN(path string) string {
	return dsn(path, "mode=ro&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)"+
		"&_pragma=query_only(1)")
}

func dsn(path, query string) string {
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query}).String()
}

// Path returns the absolute path of the main file.
func (db *DB) Path() string { return db.path }

// Close waits for running work to release its connections, lets SQLite refresh
// its statistics and fold the write-ahead log back into the file, and closes it.
// Further calls return what the first returned.
func (db *DB) Close() error {
	db.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), DefaultTimeout)
		defer cancel()
		_, err := db.writer.ExecContext(ctx, "PRAGMA optimize")
		if err = errors.Join(err, db.closePools()); err != nil {
			db.closed = fmt.Errorf("close database %s: %w", db.path, err)
		}
	})
	return db.closed
}

// closePools closes the readers first: only the last connection to leave tidies
// the write-ahead log, and a reader may not write.
func (db *DB) closePools() error {
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}
