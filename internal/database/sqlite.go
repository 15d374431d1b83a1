package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite" // also registers the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// readers is how many connections to a file read.
const readers = 4

// file is an SQLite file: one connection that writes, several that read. In WAL
// mode neither side blocks the other. Pragmas are part of the connection string,
// because one that is sent by Exec reaches a single pooled connection only.
type file struct {
	path    string
	durable bool
}

func newSQLite(path string, opts Options) (engine, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return &file{abs, opts.Durable}, createPrivate(abs)
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

func (f *file) kind() Engine { return SQLite }
func (f *file) name() string { return f.path }

func (f *file) connect() (writer, reader *sql.DB, err error) {
	if writer, err = openPool(writerDSN(f.path, f.durable), 1); err != nil {
		return nil, nil, err
	}
	reader, err = openPool(readerDSN(f.path), readers)
	return writer, reader, err
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

func (f *file) prepare(ctx context.Context, db *DB) error {
	var mode string
	if err := db.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the journal mode is %q, not wal: put the file on a local disk, not on a network share", mode)
	}
	return nil
}

func (f *file) migrations(all fs.FS) (fs.FS, error) { return all, nil }

// busy is needed although there is a busy timeout: that does not cover the change
// to WAL, nor the last close by another process. Both are brief.
func (f *file) busy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

func (f *file) begin(context.Context, *sql.Tx, string) error { return nil } // BEGIN IMMEDIATE has done it

func (f *file) again(error) bool { return false }

// explain names a full disk, so that callers can tell that it is one (by
// [syscall.ENOSPC]) and nothing was changed.
func (f *file) explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if ok && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE) {
		return fmt.Errorf("%w for %s: %w", syscall.ENOSPC, filepath.Base(f.path), err)
	}
	return err
}

func (f *file) size(context.Context, *DB) (total int64, err error) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(f.path + suffix); err == nil {
			total += info.Size()
		}
	}
	return total, nil
}

func (f *file) check(ctx context.Context, db *DB) error {
	var verdict string
	if err := db.reader.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("the file is damaged (%s): restore it from a copy", verdict)
	}
	_, err := db.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

func (f *file) optimize(ctx context.Context, db *DB) error {
	_, err := db.writer.ExecContext(ctx, "PRAGMA optimize")
	return err
}
