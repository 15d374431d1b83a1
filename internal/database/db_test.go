package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

const itemSchema = `CREATE TABLE items (id TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;`

func schema(texts ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i, text := range texts {
		name := fmt.Sprintf("%04d_step.sql", i+1)
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
		fsys["postgres/"+name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, "STRICT", ""))}
	}
	return fsys
}

// server is where the store at path is in this run of the tests.
func server(t testing.TB, path string) Server {
	t.Helper()
	return Server{URL: testenv.Store(t, filepath.Dir(path))}
}

func open(t testing.TB, path string, fsys fs.FS, opts Options) *DB {
	t.Helper()
	if opts.Server.URL == "" {
		opts.Server = server(t, path)
	}
	db, err := Open(t.Context(), path, fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func count(t testing.TB, db *DB) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(q Querier) error {
		return q.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM items").Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(ctx context.Context, db *DB, id string, n int) error {
	return db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO items (id, n) VALUES (?, ?)", id, n)
		return err
	})
}

func TestConcurrentWritersAndReaders(t *testing.T) {
	// Two DBs on one file stand for two processes.
	path := filepath.Join(t.TempDir(), "x.db")
	dbs := []*DB{open(t, path, schema(itemSchema), Options{}), open(t, path, schema(itemSchema), Options{})}
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := insert(t.Context(), dbs[w%2], fmt.Sprintf("%d-%d", w, i), i); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				var a, b int
				err := dbs[w%2].View(t.Context(), func(q Querier) error {
					if err := q.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM items").Scan(&a); err != nil {
						return err
					}
					return q.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM items").Scan(&b)
				})
				if err != nil || a != b {
					t.Errorf("read %d then %d in one View, error %v", a, b, err)
				}
			}
		})
	}
	wg.Wait()
	if got := count(t, dbs[0]); got != writers*each {
		t.Errorf("%d rows, want %d", got, writers*each)
	}
}

func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	at := server(t, path)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := Open(t.Context(), path, schema(itemSchema, "ALTER TABLE items ADD COLUMN extra TEXT"), Options{Server: at})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestUpdateRollsBack(t *testing.T) {
	var ops []string
	db := open(t, filepath.Join(t.TempDir(), "x.db"), schema(itemSchema), Options{
		Observe: func(op string, took time.Duration, err error) {
			ops = append(ops, fmt.Sprintf("%s %t %t", op, took > 0, err == nil))
		},
	})
	boom := errors.New("boom")
	write := func(tx *sql.Tx) {
		if _, err := tx.Exec("INSERT INTO items VALUES ('x', 1)"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Update(t.Context(), func(tx *sql.Tx) error { write(tx); return boom }); err != boom {
		t.Errorf("got %v, want the error of the function itself", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.Update(t.Context(), func(tx *sql.Tx) error { write(tx); panic("no") })
	}()
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx *sql.Tx) error { write(tx); cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if got := count(t, db); got != 0 { // and the writer is free again
		t.Errorf("%d rows after three failures, want 0", got)
	}
	if err := insert(t.Context(), db, "x", 1); err != nil {
		t.Error(err)
	}
	want := "update true false; update true false; update true false; view true true; update true true"
	if got := strings.Join(ops, "; "); got != want {
		t.Errorf("observed %s\nwant %s", got, want)
	}
}

func TestUpdateGivesUpWaiting(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), schema(itemSchema), Options{})
	err := db.Update(t.Context(), func(*sql.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := insert(ctx, db, "inner", 1) // the mistake that the comment of Update warns of
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the inner update: %v, want its deadline", err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("the outer update: %v", err)
	}
}

func TestTimeoutRollsBack(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), schema(itemSchema), Options{Timeout: 200 * time.Millisecond})
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec("INSERT INTO items VALUES ('x', 1)"); err != nil {
			return err
		}
		<-time.After(400 * time.Millisecond)
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline of the options", err)
	}
	db.opts.Timeout = DefaultTimeout
	if got := count(t, db); got != 0 {
		t.Errorf("%d rows after the deadline, want 0", got)
	}
}

func TestPreparedStatements(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), schema(itemSchema), Options{})
	put, err := db.PrepareWrite(t.Context(), "INSERT INTO items (id, n) VALUES (?, ?)")
	if err != nil {
		t.Fatal(err)
	}
	get, err := db.PrepareRead(t.Context(), "SELECT n FROM items WHERE id = ?")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			id := fmt.Sprint(i)
			err := db.Update(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.StmtContext(t.Context(), put).ExecContext(t.Context(), id, i)
				return err
			})
			var alone, inView int
			err = errors.Join(err, get.QueryRowContext(t.Context(), id).Scan(&alone), db.View(t.Context(), func(q Querier) error {
				return q.StmtContext(t.Context(), get).QueryRowContext(t.Context(), id).Scan(&inView)
			}))
			if err != nil || alone != i || inView != i {
				t.Errorf("wrote %d, read %d and %d, error %v", i, alone, inView, err)
			}
		})
	}
	wg.Wait()
	if _, err := db.PrepareRead(t.Context(), "SELECT nothing FROM nowhere"); err == nil || !strings.Contains(err.Error(), `prepare "SELECT nothing`) {
		t.Errorf("got %v, want an error with the statement", err)
	}
}

func TestViewCannotWrite(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), schema(itemSchema), Options{})
	err := db.View(t.Context(), func(q Querier) error {
		rows, err := q.QueryContext(t.Context(), "INSERT INTO items VALUES ('x', 1) RETURNING id")
		if err != nil {
			return err
		}
		defer rows.Close()
		rows.Next()
		return rows.Err()
	})
	if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "-", ""), "readonly") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestIsUnique(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), schema(itemSchema), Options{})
	if err := insert(t.Context(), db, "x", 1); err != nil {
		t.Fatal(err)
	}
	err := insert(t.Context(), db, "x", 2)
	if !IsUnique(err) || !IsUnique(fmt.Errorf("create: %w", err)) {
		t.Errorf("IsUnique(%v) = false", err)
	}
	err = db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO items VALUES ('y', NULL)")
		return err
	})
	if err == nil || IsUnique(err) || IsUnique(nil) {
		t.Errorf("IsUnique(%v) = true", err)
	}
}

func BenchmarkSelectByKey(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "x.db"), schema(itemSchema), Options{})
	if err := insert(b.Context(), db, "x", 1); err != nil {
		b.Fatal(err)
	}
	stmt, err := db.PrepareRead(b.Context(), "SELECT n FROM items WHERE id = ?")
	if err != nil {
		b.Fatal(err)
	}
	var n int
	b.Run("prepared", func(b *testing.B) {
		for b.Loop() {
			if err := stmt.QueryRowContext(b.Context(), "x").Scan(&n); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			err := db.View(b.Context(), func(q Querier) error {
				return q.QueryRowContext(b.Context(), "SELECT n FROM items WHERE id = ?", "x").Scan(&n)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "x.db"), schema(itemSchema), Options{})
	stmt, err := db.PrepareWrite(b.Context(), "INSERT INTO items (id, n) VALUES (?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	b.Run("prepared", func(b *testing.B) {
		for b.Loop() {
			i++
			err := db.Update(b.Context(), func(tx *sql.Tx) error {
				_, err := tx.StmtContext(b.Context(), stmt).ExecContext(b.Context(), fmt.Sprint(i), i)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			i++
			if err := insert(b.Context(), db, fmt.Sprint(i), i); err != nil {
				b.Fatal(err)
			}
		}
	})
}
