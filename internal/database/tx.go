package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// attempts is how often a transaction is tried that fails for meeting another one.
const attempts = 5

// Update runs fn in a transaction and commits it when fn returns nil; an error or
// a panic rolls it back. Updates run one at a time, those of other processes
// included, so fn must be short: no call to another service, and no use of db
// itself, which would wait for its own caller. fn may not keep tx, and may be run
// again after a failure that had no effect.
//
// Errors of fn come back as they are. Of a full disk, which changes nothing, they
// wrap [syscall.ENOSPC]; of a server that is away they are [rpc.Unavailable]. One
// that goes away during the commit leaves the outcome unknown.
func (db *DB) Update(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return db.update(ctx, "", fn)
}

// UpdateOf is [DB.Update] for what is of one key alone: nothing that fn reads
// depends on rows of other keys. With PostgreSQL it then takes turns only with
// updates of the same key, and with every Update.
func (db *DB) UpdateOf(ctx context.Context, key string, fn func(tx *sql.Tx) error) error {
	return db.update(ctx, "of "+key, fn)
}

func (db *DB) update(ctx context.Context, key string, fn func(tx *sql.Tx) error) (err error) {
	defer db.observe("update", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, db.opts.Timeout)
	defer cancel()
	opts := &sql.TxOptions{}
	if db.engine.kind() == PostgreSQL {
		opts.Isolation = sql.LevelReadCommitted // whatever the server's default is
	}
	err = errPanic // what Observe is told if fn does
	for attempt := 1; ; attempt++ {
		failed := inTx(ctx, db.writer, opts, func(tx *sql.Tx) error {
			if err := db.engine.begin(ctx, tx, key); err != nil {
				return fmt.Errorf("begin a transaction: %w", ended(ctx, err))
			}
			return fn(tx)
		})
		if attempt == attempts || !db.engine.again(failed) || !pause(ctx, attempt) {
			return db.engine.explain(failed)
		}
	}
}

// pause waits longer each time, and not as long as the one that was met.
func pause(ctx context.Context, attempt int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(rand.Int64N(int64(5*time.Millisecond) << attempt))):
		return true
	}
}

// View runs fn on a consistent snapshot, beside any Update. A snapshot left open
// keeps what was deleted from being tidied up, so fn must be short too. For a
// single statement, a statement from PrepareRead is enough and cheaper.
func (db *DB) View(ctx context.Context, fn func(q Querier) error) (err error) {
	defer db.observe("view", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, db.opts.Timeout)
	defer cancel()
	opts := &sql.TxOptions{ReadOnly: true}
	if db.engine.kind() == PostgreSQL {
		opts.Isolation = sql.LevelRepeatableRead
	}
	err = errPanic
	return db.engine.explain(inTx(ctx, db.reader, opts, func(tx *sql.Tx) error { return fn(tx) }))
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
	return db.prepare(ctx, db.writer, query)
}

// PrepareRead compiles a statement for the readers. It may be used by itself, from
// any goroutine, or inside View through q.StmtContext.
func (db *DB) PrepareRead(ctx context.Context, query string) (*sql.Stmt, error) {
	return db.prepare(ctx, db.reader, query)
}

func (db *DB) prepare(ctx context.Context, pool *sql.DB, query string) (*sql.Stmt, error) {
	stmt, err := pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, db.engine.explain(err))
	}
	return stmt, nil
}

// IsUnique reports whether err says that a row with the same unique key exists.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == uniqueViolation
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}
