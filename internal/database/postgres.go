package database

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/agata-fl/agata/pkg/rpc"
)

// DefaultConnections is how many connections a store has at most, unless
// Server.Connections says so. PostgreSQL allows 100 in all as it is delivered.
const DefaultConnections = 8

// Server is a PostgreSQL database. The zero value is none.
type Server struct {
	// URL is postgres://user@host:port/database?settings, as libpq knows it, with
	// several hosts if need be; without a password. What it leaves out comes from
	// PGHOST and the like; the password from PasswordFile, PGPASSWORD or ~/.pgpass.
	URL          string
	PasswordFile string // read at each connection; "": none
	Connections  int    // of one store; 0 means DefaultConnections
}

func (s Server) config() (*pgx.ConnConfig, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, errors.New("the address of the database is no URL: write postgres://user@host:5432/name")
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, fmt.Errorf("the address of the database begins with %q: write postgres://user@host:5432/name", u.Scheme+":")
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		return nil, errors.New("the address of the database holds a password, which would be shown: put it in a file and name that by server.store.password_file")
	}
	c, err := pgx.ParseConfig(s.URL)
	if err != nil {
		return nil, fmt.Errorf("the address of the database: %w", err)
	}
	return c, nil
}

// Probe connects once and returns the server's version, and whether stores find or
// may make their schemas.
func (s Server) Probe(ctx context.Context) (version string, usable bool, err error) {
	p, err := newPostgres("probe", Options{Server: s, Timeout: DefaultTimeout})
	if err != nil {
		return "", false, err
	}
	pool, _, err := p.connect()
	if err != nil {
		return "", false, err
	}
	defer pool.Close()
	err = pool.QueryRowContext(ctx, `SELECT current_setting('server_version'), has_database_privilege(current_database(), 'CREATE')
		OR EXISTS (SELECT 1 FROM pg_namespace WHERE nspname LIKE 'agata\_%' AND has_schema_privilege(oid, 'USAGE'))`).Scan(&version, &usable)
	return version, usable, p.explain(err)
}

// postgres is a schema in such a database.
type postgres struct {
	opts   Options
	schema string
	config *pgx.ConnConfig
}

func newPostgres(path string, opts Options) (engine, error) {
	config, err := opts.Server.config()
	if err != nil {
		return nil, err
	}
	p := &postgres{opts, schemaOf(path), config}
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, 5*time.Second)
	set := func(key, value string) {
		if _, ok := config.RuntimeParams[key]; !ok {
			config.RuntimeParams[key] = value
		}
	}
	config.RuntimeParams["search_path"] = p.schema
	set("application_name", p.schema)
	set("jit", "off") // compiling a plan takes longer than any of ours
	// Should this process be frozen, or its machine be gone, what it holds is let go.
	set("statement_timeout", milliseconds(opts.Timeout+time.Second))
	set("idle_in_transaction_session_timeout", milliseconds(opts.Timeout+time.Second))
	if opts.Durable {
		config.RuntimeParams["synchronous_commit"] = "on"
	}
	return p, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// schemaOf is the schema of a store that would otherwise be the file at path.
func schemaOf(path string) string {
	base := filepath.Base(path)
	name := []byte("agata_" + strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base))))
	for i, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			name[i] = '_'
		}
	}
	return string(name)
}

func (p *postgres) kind() Engine { return PostgreSQL }

func (p *postgres) name() string {
	return fmt.Sprintf("%s in postgres://%s/%s", p.schema, net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port))), p.config.Database)
}

func (p *postgres) connect() (writer, reader *sql.DB, err error) {
	before := stdlib.OptionBeforeConnect(func(_ context.Context, c *pgx.ConnConfig) error { return p.setPassword(c) })
	pool := sql.OpenDB(connector{stdlib.GetConnector(*p.config, before), p})
	connections := cmp.Or(p.opts.Server.Connections, DefaultConnections)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // so that after a failover all find the new server
	return pool, pool, nil
}

// setPassword gives a connection the password that is in the file now.
func (p *postgres) setPassword(c *pgx.ConnConfig) error {
	if p.opts.Server.PasswordFile == "" {
		return nil
	}
	password, err := os.ReadFile(p.opts.Server.PasswordFile)
	if err != nil {
		return fmt.Errorf("read the password of the database: %w", err)
	}
	c.Password = strings.TrimRight(string(password), "\r\n")
	return nil
}

func (p *postgres) migrations(all fs.FS) (fs.FS, error) { return fs.Sub(all, "postgres") }

// prepare makes the schema, unless somebody has made it for us.
func (p *postgres) prepare(ctx context.Context, db *DB) error {
	return inTx(ctx, db.writer, nil, func(tx *sql.Tx) error {
		if err := p.begin(ctx, tx, ""); err != nil {
			return err
		}
		var encoding string
		var there bool
		err := tx.QueryRowContext(ctx, "SELECT current_setting('server_encoding'), EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ?)", p.schema).Scan(&encoding, &there)
		if err != nil {
			return err
		}
		if encoding != "UTF8" {
			return fmt.Errorf("the encoding of the database is %s: make one with ENCODING 'UTF8'", encoding)
		}
		if !there {
			_, err = tx.ExecContext(ctx, "CREATE SCHEMA "+p.schema)
		}
		return err
	})
}

func (p *postgres) busy(err error) bool { return rpc.CodeOf(p.explain(err)) == rpc.Unavailable }

// begin takes the lock of the store; of one key, and a share of the store's, if
// there is a key. The transaction's end gives it back.
func (p *postgres) begin(ctx context.Context, tx *sql.Tx, key string) error {
	query, args := "SELECT pg_advisory_xact_lock(?)", []any{p.lock("")}
	if key != "" {
		query, args = "SELECT pg_advisory_xact_lock_shared(?), pg_advisory_xact_lock(?)", append(args, p.lock(key))
	}
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}

// lock is the number of a lock, of which a database has 2^64: two keys that have
// the same take turns without need.
func (p *postgres) lock(key string) int64 {
	sum := sha256.Sum256([]byte(p.schema + "\x00" + key))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

func (p *postgres) again(err error) bool {
	code := codeOf(err)
	return code == serializationFailure || code == deadlockDetected
}

func (p *postgres) explain(err error) error {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return away(err)
	}
	return err // the driver's own errors are explained where they come from
}

func (p *postgres) size(ctx context.Context, db *DB) (total int64, err error) {
	err = db.reader.QueryRowContext(ctx, `SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'`).Scan(&total)
	return total, p.explain(err)
}

func (p *postgres) check(ctx context.Context, db *DB) error {
	return p.explain(db.reader.PingContext(ctx))
}

func (p *postgres) optimize(context.Context, *DB) error { return nil } // autovacuum does
