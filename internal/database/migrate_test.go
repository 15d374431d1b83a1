package database

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func history(t *testing.T, db *DB) (names []string) {
	t.Helper()
	err := db.View(t.Context(), func(q Querier) error {
		rows, err := q.QueryContext(t.Context(), "SELECT version, name FROM schema_migrations ORDER BY version")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var version int
			var name string
			if err := rows.Scan(&version, &name); err != nil {
				return err
			}
			names = append(names, fmt.Sprintf("%04d_%s", version, name))
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestMigrationsGoForward(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	steps := []string{itemSchema, "ALTER TABLE items ADD COLUMN note TEXT; INSERT INTO items VALUES ('seed', 1, 'n');"}
	for upTo := range steps {
		for range 2 { // the second time has nothing to do
			db := open(t, path, schema(steps[:upTo+1]...), Options{})
			if got := history(t, db); len(got) != upTo+1 {
				t.Errorf("applied %v, want %d migrations", got, upTo+1)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	db := open(t, path, schema(steps...), Options{})
	if got, want := history(t, db), []string{"0001_step", "0002_step"}; !slices.Equal(got, want) {
		t.Errorf("history %v, want %v", got, want)
	}
	if got := count(t, db); got != 1 {
		t.Errorf("%d rows, want the seed alone", got)
	}
}

func TestSQLiteMigrationErrors(t *testing.T) {
	file := func(name, text string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(text)}} }
	tests := map[string]struct {
		before, after fstest.MapFS
		is            error
		says          string
	}{
		"newer":       {schema(itemSchema, "SELECT 1"), schema(itemSchema), ErrNewerSchema, "version 2, this program knows 1"},
		"none left":   {schema(itemSchema), nil, ErrNewerSchema, "version 1, this program knows 0"},
		"edited":      {schema(itemSchema), schema(itemSchema + " -- now with a comment"), ErrMigrationChanged, "migration 0001_step.sql"},
		"bad name":    {nil, file("first.sql", ""), nil, "first.sql: name it NNNN_name.sql"},
		"gap":         {nil, file("0002_x.sql", ""), nil, "expected number 0001"},
		"twin":        {nil, fstest.MapFS{"0001_a.sql": {}, "0001_b.sql": {}}, nil, "0001_b.sql: expected number 0002"},
		"bad SQL":     {nil, schema(itemSchema, "CREATE TABLE more (x); CREATE TABLE items (x)"), nil, "migration 0002_step.sql: SQL logic error: table items already exists"},
		"other files": {nil, file("README.md", "text"), nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			if tt.before != nil {
				if err := open(t, path, tt.before, Options{}).Close(); err != nil {
					t.Fatal(err)
				}
			}
			db, err := Open(t.Context(), path, tt.after, Options{})
			if tt.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want an error with %q", err, tt.says)
			}
		})
	}
}

func TestFailedMigrationLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if _, err := Open(t.Context(), path, schema(itemSchema, "CREATE TABLE half (x TEXT); broken"), Options{Server: server(t, path)}); err == nil {
		t.Fatal("a broken migration was accepted")
	}
	db := open(t, path, schema(itemSchema), Options{})
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows in a new table", n)
	}
	err := db.View(t.Context(), func(q Querier) error {
		return q.QueryRowContext(t.Context(), "SELECT count(*) FROM half").Scan(new(int))
	})
	if err == nil {
		t.Error("the first half of the broken migration is there")
	}
}

// The driver is C translated to Go against one release of modernc.org/libc, which
// makes no promise of compatibility between releases: another one may link and
// then corrupt memory.
func TestLinkedLibcIsTheDriversOwn(t *testing.T) {
	list := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "go", args...).Output()
		if err != nil {
			t.Fatalf("go %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	linked := list("list", "-m", "-f", "{{.Version}}", "modernc.org/libc")
	driver := list("list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite")
	asked := regexp.MustCompile(`"modernc.org/libc",\s*"Version": "([^"]+)"`).FindStringSubmatch(list("mod", "edit", "-json", driver))
	if asked == nil || asked[1] != linked {
		t.Errorf("modernc.org/libc %s is linked, but the driver's go.mod asks for %v: pin that version", linked, asked)
	}
}
