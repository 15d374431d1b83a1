package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Update runs fn in a write transaction (BEGIN IMMEDIATE) and commits it when fn
// returns nil; an error or a panic rolls it back. Updates run one at a time, in
// the order of their arrival, so fn must be short: no call to another service, and
// no use of db itself, which would wait for its own caller. fn may not keep tx.
// Errors of fn come back as they are; of a full disk, which changes nothing, they
// wrap [syscall.ENOSPC].
func (db *DB) Update(ctx context.Context, fn func(tx *sql.Tx) error) (err error) {
	defer db.observe("update", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, db.opts.Timeout)
	defer cancel()
	err = errPanic // what Observe is told if fn does
	return db.explain(inTx(ctx, db.writer, nil, fn))
}

// explain names a full disk, so that callers can tell that it is one (by
// [syscall.ENOSPC]) and nothing was changed.
func (db *DB) explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if ok && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE) {
		return fmt.Errorf("%w for %s: %w", syscall.ENOSPC, filepath.Base(db.path), err)
	}
	return err
}

// View runs fn on a consistent snapshot, beside any Update. A snapshot left open
// keeps the write-ahead log from shrinking, so fn must be short too. For a single
// statement, a statement from PrepareRead is enough and cheaper.
func (db *DB) View(ctx context.Context, fn func(q Querier) error) (err error) {
	defer db.observe("view", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, db.opts.Timeout)
	defer cancel()
	err = errPanic
	return inTx(ctx, db.reader, &sql.TxOptions{ReadOnly: true}, func(tx *sql.Tx) error { return fn(tx) })
}

var errPanic = errors.New("the function panicked")

func inTx(ctx context.Context, pool *sql.DB, opts *sql.TxOptions, fn func(*sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	// After a commit this does nothing. Before one, fn has failed or panicked, and
	// its own error says more than that of a failed rollback would.
	defer tx.Rollback() //nolint:errcheck
	if err := fn(tx); err != nil {
		return ended(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", ended(ctx, err))
	}
	return nil
}

// ended names the reason when a transaction was rolled back under its user's hands,
// which the driver reports only as being over.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

func (db *DB) observe(op string, start time.Time, err *error) {
	if db.opts.Observe != nil {
		db.opts.Observe(op, time.Since(start), *err)
	}
}

// PrepareWrite compiles a statement for the writer. Use it inside Update through
// tx.StmtContext, which costs nothing further. Prepare when a store is built: a
// call inside Update would wait for the connection that its caller holds. Close
// of the DB ends its statements.
func (db *DB) PrepareWrite(ctx context.Context, query string) (*sql.Stmt, error) {
	return prepare(ctx, db.writer, query)
}

// PrepareRead compiles a statement for the readers. It may be used by itself, from
// any goroutine, or inside View through q.StmtContext.
func (db *DB) PrepareRead(ctx context.Context, query string) (*sql.Stmt, error) {
	return prepare(ctx, db.reader, query)
}

func prepare(ctx context.Context, pool *sql.DB, query string) (*sql.Stmt, error) {
	stmt, err := pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	return stmt, nil
}

// Check asks SQLite to verify the structure of the file, and empties the
// write-ahead log into it. It reads the whole file: a tool for a doctor.
func (db *DB) Check(ctx context.Context) error {
	var verdict string
	if err := db.reader.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check database %s: %w", db.path, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check database %s: the file is damaged (%s): restore it from a copy", db.path, verdict)
	}
	if _, err := db.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return fmt.Errorf("checkpoint database %s: %w", db.path, err)
	}
	return nil
}

// IsUnique reports whether err says that a row with the same unique key exists.
func IsUnique(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}
