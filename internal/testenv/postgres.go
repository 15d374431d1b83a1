package testenv

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// PostgresVar names the environment variable with the port, on 127.0.0.1, of a
	// private PostgreSQL server.
	PostgresVar = "AGATA_TEST_POSTGRES"
	// StoreVar names the one that says, by "postgresql", that stores are to be tested
	// there and not as SQLite files.
	StoreVar = "AGATA_TEST_STORE"
)

// Postgres gives the URL of a fresh database on the private server, which is
// deleted after the test, or skips the test.
func Postgres(t testing.TB) string {
	t.Helper()
	return database(t, uuid.NewString())
}

// Store says where the stores of a data folder are in this run of the tests: ""
// for files in it, or else the URL of a database that is the folder's, and is
// deleted after the test that asked first.
func Store(t testing.TB, folder string) string {
	t.Helper()
	switch where := os.Getenv(StoreVar); where {
	case "", "sqlite":
		return ""
	case "postgresql":
		return database(t, folder)
	default:
		t.Fatalf("%s=%q: want sqlite or postgresql", StoreVar, where)
		return ""
	}
}

func database(t testing.TB, of string) string {
	t.Helper()
	port := os.Getenv(PostgresVar)
	if port == "" {
		t.Skipf("needs a private PostgreSQL server in %s: `make test` starts it, or run `eval \"$(tools/testnodes postgres DIR)\"`", PostgresVar)
	}
	server := "postgres://agata@127.0.0.1:" + port + "/"
	name := fmt.Sprintf("test_%x", sha256.Sum256([]byte(of)))[:24]
	err := execSQL(server+"postgres", "CREATE DATABASE "+name)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P04" { // it is there
		return server + name
	}
	if err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := execSQL(server+"postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the database of the test: %v", err)
		}
	})
	return server + name
}

// execSQL runs one statement in a connection of its own.
func execSQL(url, query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, query)
	return errors.Join(err, conn.Close(ctx))
}

// PostgresServer is a PostgreSQL server of one test's own, which it may kill.
type PostgresServer struct {
	// URL leads to its database.
	URL string

	t   testing.TB
	dir string
}

// StartPostgres starts such a server, or skips the test where PostgreSQL is not
// to be tested with.
func StartPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	if os.Getenv(PostgresVar) == "" {
		t.Skipf("needs PostgreSQL, which is not asked for by %s: see `make test`", PostgresVar)
	}
	dir, err := os.MkdirTemp("/tmp", "agata-pg-") // where its user can enter
	if err != nil {
		t.Fatal(err)
	}
	s := &PostgresServer{t: t, dir: dir}
	t.Cleanup(func() {
		s.testnodes("stop")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.Start()
	return s
}

func (s *PostgresServer) testnodes(verb string) string {
	s.t.Helper()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		s.t.Fatalf("find the module: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(strings.TrimSpace(string(root)), "tools", "testnodes"), verb, s.dir)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("testnodes %s: %v: %s", verb, err, &said)
	}
	return strings.TrimSpace(string(out))
}

// Start starts the server, again after Kill, and waits until it answers.
func (s *PostgresServer) Start() {
	s.t.Helper()
	_, port, found := strings.Cut(s.testnodes("postgres"), "=")
	if !found {
		s.t.Fatal("testnodes postgres did not tell a port")
	}
	s.URL = "postgres://agata@127.0.0.1:" + port + "/postgres"
}

// Kill kills every process of the server at once, and returns when they are dead.
func (s *PostgresServer) Kill() {
	s.t.Helper()
	pids := s.signal(syscall.SIGKILL)
	Eventually(s.t, 20*time.Second, "the server is dead", func() bool {
		for _, pid := range pids {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err == nil && !strings.Contains(string(stat), ") Z ") { // a zombie is dead
				return false
			}
		}
		return true
	})
	if err := os.Remove(filepath.Join(s.dir, "postgres.pid")); err != nil {
		s.t.Fatal(err)
	}
}

// Freeze stops every process of the server, which stay; Thaw lets them go on.
func (s *PostgresServer) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *PostgresServer) Thaw() { s.signal(syscall.SIGCONT) }

// signal reaches the server and each of its processes, which lead groups of their own.
func (s *PostgresServer) signal(sig syscall.Signal) (pids []int) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "postgres.pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, child := range append([]string{strconv.Itoa(pid)}, strings.Fields(string(children))...) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, sig) // one that has ended meanwhile
			pids = append(pids, n)
		}
	}
	return pids
}
