package database

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/rpc"
)

// onPostgres opens a store n times, as so many processes would.
func onPostgres(t *testing.T, url string, n int, opts Options) []*DB {
	t.Helper()
	opts.Server.URL = url
	dbs := make([]*DB, n)
	for i := range dbs {
		dbs[i] = open(t, "x.db", schema(itemSchema), opts)
	}
	return dbs
}

// raise adds one to a number, by reading and then writing it.
func raise(ctx context.Context, update func(context.Context, func(*sql.Tx) error) error, id string) error {
	return update(ctx, func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, "SELECT n FROM items WHERE id = ?", id).Scan(&n)
		if err == nil {
			_, err = tx.ExecContext(ctx, "UPDATE items SET n = ? WHERE id = ?", n+1, id)
		}
		return err
	})
}

func TestPostgresUpdatesTakeTurns(t *testing.T) {
	dbs := onPostgres(t, testenv.Postgres(t), 2, Options{})
	for _, id := range []string{"a", "b"} {
		if err := insert(t.Context(), dbs[0], id, 0); err != nil {
			t.Fatal(err)
		}
	}
	const each = 25
	var wg sync.WaitGroup
	for i, db := range dbs {
		for _, id := range []string{"a", "b"} {
			of := func(ctx context.Context, fn func(*sql.Tx) error) error { return db.UpdateOf(ctx, id, fn) }
			for _, update := range []func(context.Context, func(*sql.Tx) error) error{db.Update, of} {
				wg.Go(func() {
					for range each {
						if err := raise(t.Context(), update, id); err != nil {
							t.Errorf("process %d, key %s: %v", i, id, err)
						}
					}
				})
			}
		}
	}
	wg.Wait()
	for _, id := range []string{"a", "b"} {
		var n int
		if err := dbs[0].reader.QueryRow("SELECT n FROM items WHERE id = ?", id).Scan(&n); err != nil || n != 4*each {
			t.Errorf("%s was raised %d times, %v; want %d", id, n, err, 4*each)
		}
	}
}

func TestPostgresKeysDoNotWaitForEachOther(t *testing.T) {
	dbs := onPostgres(t, testenv.Postgres(t), 2, Options{})
	nothing := func(*sql.Tx) error { return nil }
	err := dbs[0].UpdateOf(t.Context(), "a", func(*sql.Tx) error {
		if err := dbs[1].UpdateOf(t.Context(), "b", nothing); err != nil {
			t.Errorf("another key: %v", err)
		}
		for what, update := range map[string]func(context.Context, func(*sql.Tx) error) error{
			"the same key": func(ctx context.Context, fn func(*sql.Tx) error) error { return dbs[1].UpdateOf(ctx, "a", fn) },
			"all":          dbs[1].Update,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			if err := update(ctx, nothing); rpc.CodeOf(err) != rpc.Deadline {
				t.Errorf("%s, while a is held: %v, want its deadline", what, err)
			}
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := dbs[1].Update(t.Context(), nothing); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Two transactions that lock two rows crosswise: the server ends one of them, and
// that is run again.
func TestPostgresDeadlocksAreRepeated(t *testing.T) {
	dbs := onPostgres(t, testenv.Postgres(t), 2, Options{})
	for _, id := range []string{"a", "b"} {
		if err := insert(t.Context(), dbs[0], id, 0); err != nil {
			t.Fatal(err)
		}
	}
	var met sync.WaitGroup
	met.Add(2)
	var wg sync.WaitGroup
	runs := make([]int, 2)
	for i, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			err := dbs[i].UpdateOf(t.Context(), fmt.Sprint(i), func(tx *sql.Tx) error {
				runs[i]++
				for k, id := range order {
					if k == 1 && runs[i] == 1 {
						met.Done()
						met.Wait() // both hold their first row
					}
					if _, err := tx.ExecContext(t.Context(), "UPDATE items SET n = n + 1 WHERE id = ?", id); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("transaction %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var sum int
	if err := dbs[0].reader.QueryRow("SELECT sum(n) FROM items").Scan(&sum); err != nil || sum != 4 || runs[0]+runs[1] < 3 {
		t.Errorf("the sum is %d after %v runs, %v; want 4, and one repeated", sum, runs, err)
	}
}

func TestPostgresErrorsHaveKinds(t *testing.T) {
	db := onPostgres(t, testenv.Postgres(t), 1, Options{})[0]
	if err := insert(t.Context(), db, "a\x00b", 1); rpc.CodeOf(err) != rpc.Invalid {
		t.Errorf("a NUL: %v (%s)", err, rpc.CodeOf(err))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := db.View(ctx, func(q Querier) error {
		return q.QueryRowContext(ctx, "SELECT 1 FROM pg_sleep(60)").Scan(new(int))
	})
	if rpc.CodeOf(err) != rpc.Deadline || time.Since(began) > 20*time.Second {
		t.Errorf("a statement beyond its deadline: %v after %s", err, time.Since(began))
	}
	// What the server was asked for does not go on either.
	testenv.Eventually(t, 20*time.Second, "the statement has ended", func() bool {
		var n int
		err := db.reader.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()").Scan(&n)
		return err == nil && n == 0
	})
	for code, want := range map[string]error{"53100": syscall.ENOSPC, "57P01": nil, "53300": nil, "08006": nil} {
		err := explain(t.Context(), &pgconn.PgError{Code: code}, false)
		if rpc.CodeOf(err) != rpc.Unavailable || want != nil && !strings.Contains(err.Error(), want.Error()) {
			t.Errorf("%s is %v (%s)", code, err, rpc.CodeOf(err))
		}
	}
}

func TestPostgresConnectionsAreBounded(t *testing.T) {
	db := onPostgres(t, testenv.Postgres(t), 1, Options{Server: Server{Connections: 3}})[0]
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := db.View(t.Context(), func(q Querier) error {
				return q.QueryRowContext(t.Context(), "SELECT 1 FROM pg_sleep(0.01)").Scan(new(int))
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s := db.writer.Stats(); s.MaxOpenConnections != 3 || s.OpenConnections > 3 {
		t.Errorf("%+v", s)
	}
}

// A server that is killed, and one that hangs: calls fail in time, and go on by
// themselves afterwards.
func TestPostgresGoesAwayAndComesBack(t *testing.T) {
	server := testenv.StartPostgres(t)
	db := onPostgres(t, server.URL, 1, Options{Timeout: 5 * time.Second})[0]
	if err := insert(t.Context(), db, "before", 1); err != nil {
		t.Fatal(err)
	}
	get, err := db.PrepareRead(t.Context(), "SELECT n FROM items WHERE id = ?")
	if err != nil {
		t.Fatal(err)
	}
	ways := map[string]func(context.Context) error{
		"update": func(ctx context.Context) error { return insert(ctx, db, fmt.Sprint(time.Now().UnixNano()), 1) },
		"view": func(ctx context.Context) error {
			return db.View(ctx, func(q Querier) error { return q.QueryRowContext(ctx, "SELECT 1").Scan(new(int)) })
		},
		"statement": func(ctx context.Context) error { return get.QueryRowContext(ctx, "before").Scan(new(int)) },
	}
	all := func(when string, want rpc.Code) {
		t.Helper()
		for name, call := range ways {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			began := time.Now()
			err := call(ctx)
			cancel()
			if took := time.Since(began); rpc.CodeOf(err) != want || took > 15*time.Second {
				t.Errorf("%s, %s: %v (%q) after %s, want %q", when, name, err, rpc.CodeOf(err), took, want)
			}
		}
	}
	all("at first", "")

	// One that is under way when the server dies.
	err = db.Update(t.Context(), func(tx *sql.Tx) error {
		server.Kill()
		_, err := tx.Exec("INSERT INTO items VALUES ('lost', 1)")
		return err
	})
	if rpc.CodeOf(err) != rpc.Unavailable {
		t.Errorf("under way when the server died: %v (%s)", err, rpc.CodeOf(err))
	}
	all("while it is dead", rpc.Unavailable)
	all("while it is dead still", rpc.Unavailable)
	server.Start()
	all("after it came back", "")
	if n := count(t, db); n < 2 {
		t.Errorf("%d rows are left of what was committed", n)
	}

	server.Freeze()
	all("while it hangs", rpc.Deadline)
	server.Thaw()
	testenv.Eventually(t, 20*time.Second, "it goes on", func() bool { return ways["update"](t.Context()) == nil })
	all("after it hung", "")
}

func TestPostgresProbe(t *testing.T) {
	url := testenv.Postgres(t)
	version, usable, err := Server{URL: url}.Probe(t.Context())
	if err != nil || !usable || version == "" {
		t.Errorf("%q, %t, %v", version, usable, err)
	}
	if _, _, err := (Server{URL: strings.TrimSuffix(url, "test") + "_not"}).Probe(t.Context()); err == nil {
		t.Error("a database that is not there was found")
	}
}

func TestServerURLs(t *testing.T) {
	for url, says := range map[string]string{
		"mysql://h/d":                        `begins with "mysql:"`,
		"postgres://u:secret@h/d":            "holds a password",
		"postgres://u@h/d?password=secret":   "holds a password",
		"postgres://u:secret@h/%zz":          "is no URL",
		"postgres://u@h/d?sslmode=sometimes": "sslmode",
		"host=h user=u":                      "begins with",
	} {
		_, err := Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), nil, Options{Server: Server{URL: url}})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q and no secret", url, err, says)
		}
	}
	for path, want := range map[string]string{"/d/user-manager.db": "agata_user_manager", "access.db": "agata_access", "/a/Ä;x.db": "agata____x"} {
		if got := schemaOf(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
