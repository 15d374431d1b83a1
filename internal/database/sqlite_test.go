package database

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSQLiteOpenIsPrivateAndPersists(t *testing.T) {
	// Characters that mean something in a URI must not change the file's name.
	path := filepath.Join(t.TempDir(), "a ?#%20é", "x.db")
	db := open(t, path, schema(itemSchema), Options{})
	if err := insert(t.Context(), db, "one", 1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		filepath.Dir(path): 0o700 | os.ModeDir, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the write-ahead log is still there after Close: %v", err)
	}
	if got := count(t, open(t, path, schema(itemSchema), Options{})); got != 1 {
		t.Errorf("%d rows after opening again, want 1", got)
	}
}

func TestSQLitePragmasReachEveryConnection(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), nil, Options{})
	pools := map[*sql.DB]map[string]string{
		db.writer: {"busy_timeout": "5000", "journal_mode": "wal", "synchronous": "1", "foreign_keys": "1", "temp_store": "2", "query_only": "0"},
		db.reader: {"busy_timeout": "5000", "journal_mode": "wal", "foreign_keys": "1", "temp_store": "2", "query_only": "1"},
	}
	for pool, pragmas := range pools {
		for range pool.Stats().MaxOpenConnections {
			conn, err := pool.Conn(t.Context()) // held, so that the next is another one
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for name, want := range pragmas {
				var got string
				if err := conn.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != want {
					t.Errorf("%s = %q, %v; want %q", name, got, err, want)
				}
			}
		}
	}
}

func TestSQLiteDurable(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), nil, Options{Durable: true})
	var got string
	if err := db.writer.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&got); err != nil || got != "2" {
		t.Errorf("synchronous = %q, %v; want 2, each commit flushed", got, err)
	}
}

func TestSQLiteOpenRefusesWhatIsNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, nil, Options{})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "file is not a database") {
		t.Errorf("got %v, want an error that names the file and says what it is", err)
	}
}

func TestSQLiteCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := open(t, path, schema(itemSchema, "CREATE INDEX items_n ON items (n)"), Options{})
	for i := range 200 {
		if err := insert(t.Context(), db, strings.Repeat("x", 200)+fmt.Sprint(i), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the write-ahead log was not emptied: %v, %v", info, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 8192), 5*4096); err != nil {
		t.Fatal(err)
	}
	db = open(t, path, schema(itemSchema, "CREATE INDEX items_n ON items (n)"), Options{})
	if err := db.Check(t.Context()); err == nil {
		t.Error("Check found nothing wrong with a file that has two pages of zeros")
	}
}
