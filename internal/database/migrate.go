package database

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"time"
)

var (
	// ErrNewerSchema means that the file was written by a later release.
	ErrNewerSchema = errors.New("the database is newer than this program: upgrade the program, or use another data folder")

	// ErrMigrationChanged means that a migration differs from the one that the
	// file was built with. Migrations are history: add one, never edit one.
	ErrMigrationChanged = errors.New("a migration was changed after it had been applied: restore its text and add a new migration")
)

type migration struct {
	version  int
	name     string
	text     string
	checksum string
	file     string // "0002_tags.sql", for messages
}

var migrationName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

// Migrations is the folder "migrations" that a program embeds, as [Open] wants it.
func Migrations(files embed.FS) fs.FS {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // cannot be: the name is a valid path
	}
	return sub
}

// readMigrations returns the migrations of fsys, which must count 0001, 0002, ...
// Files with other endings (a README, an embed.go) are passed over.
func readMigrations(fsys fs.FS) ([]migration, error) {
	if fsys == nil {
		return nil, nil
	}
	files, err := fs.Glob(fsys, "*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	var all []migration
	for i, file := range files {
		m := migrationName.FindStringSubmatch(file)
		if m == nil {
			return nil, fmt.Errorf("migration %s: name it NNNN_name.sql, in lower case", file)
		}
		version, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", file, err)
		}
		if version != i+1 {
			return nil, fmt.Errorf("migration %s: expected number %04d: numbers start at 0001 and have no gap and no twin", file, i+1)
		}
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", file, err)
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{version, m[2], string(text), hex.EncodeToString(sum[:]), file})
	}
	return all, nil
}

// createHistory makes the table of what was applied.
func createHistory(e Engine) string {
	number, strict := "INTEGER", "STRICT"
	if e == PostgreSQL {
		number, strict = "BIGINT", ""
	}
	return fmt.Sprintf(`CREATE TABLE IF NOT EXISTS schema_migrations (
	version    INTEGER PRIMARY KEY,
	name       TEXT    NOT NULL,
	checksum   TEXT    NOT NULL,
	applied_ms %s NOT NULL
) %s`, number, strict)
}

// migrate applies what is missing. Each migration looks into the history within
// its own write transaction, so that two processes may open one database at once.
func (db *DB) migrate(ctx context.Context, fsys fs.FS) error {
	all, err := readMigrations(fsys)
	if err != nil {
		return err
	}
	err = db.inMigration(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, createHistory(db.Engine())); err != nil {
			return err
		}
		var applied int
		if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM schema_migrations").Scan(&applied); err != nil {
			return err
		}
		if applied > len(all) {
			return fmt.Errorf("its schema has version %d, this program knows %d: %w", applied, len(all), ErrNewerSchema)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := db.inMigration(ctx, func(tx *sql.Tx) error { return m.apply(ctx, tx) }); err != nil {
			return fmt.Errorf("migration %s: %w", m.file, err)
		}
	}
	return nil
}

// inMigration runs fn while nobody else changes the database, for as long as it takes.
func (db *DB) inMigration(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return inTx(ctx, db.writer, nil, func(tx *sql.Tx) error {
		if db.Engine() == PostgreSQL {
			if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
				return err
			}
		}
		if err := db.engine.begin(ctx, tx, ""); err != nil {
			return err
		}
		return fn(tx)
	})
}

func (m migration) apply(ctx context.Context, tx *sql.Tx) error {
	var checksum string
	err := tx.QueryRowContext(ctx, "SELECT checksum FROM schema_migrations WHERE version = ?", m.version).Scan(&checksum)
	switch {
	case err == nil && checksum == m.checksum:
		return nil
	case err == nil:
		return ErrMigrationChanged
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if _, err := tx.ExecContext(ctx, m.text); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO schema_migrations (version, name, checksum, applied_ms) VALUES (?, ?, ?, ?)",
		m.version, m.name, m.checksum, time.Now().UnixMilli())
	return err
}
