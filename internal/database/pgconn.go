package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/agata-fl/agata/pkg/rpc"
)

// PostgreSQL's names of errors, of those that matter here.
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	diskFull             = "53100"
	queryCanceled        = "57014"
	readOnlyTransaction  = "25006" // a standby
	idleTransaction      = "25P03"
	badCharacter         = "22021" // a NUL
)

// codeOf is the name of a server's error; "" if it is none.
func codeOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// explain gives an error of a connection its kind.
func explain(ctx context.Context, err error, closed bool) error {
	if err == nil || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) && !closed {
		return err
	}
	code := codeOf(err)
	switch {
	case code == diskFull:
		return fmt.Errorf("%w for the database: %w", syscall.ENOSPC, err)
	case code == badCharacter:
		return rpc.Errorf(rpc.Invalid, "a text holds a character that the database cannot keep, such as NUL: %w", err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	case code == queryCanceled:
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	case code == readOnlyTransaction, code == idleTransaction,
		len(code) == 5 && (code[:2] == "08" || code[:2] == "53" || code[:3] == "57P"),
		closed && (code == "" || code[:2] == "XX"):
		return away(err)
	}
	return err
}

// connector, conn, statement, transaction and rows are pgx's, with ? for parameters
// and errors that have been explained.
type connector struct {
	driver.Connector
	p *postgres
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, explain(ctx, err, true)
	}
	std, ok := made.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("the driver made a %T", made)
	}
	return &conn{std}, nil
}

type conn struct{ *stdlib.Conn }

func (c *conn) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return explain(ctx, err, c.Conn.Conn().IsClosed())
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.PrepareContext(ctx, numbered(query))
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	std, ok := s.(*stdlib.Stmt)
	if !ok {
		return nil, fmt.Errorf("the driver made a %T", s)
	}
	return &statement{std, c}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 { // else it may be several statements, of a migration
		query = numbered(query)
	}
	res, err := c.Conn.ExecContext(ctx, query, args)
	return res, c.explain(ctx, err)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	found, err := c.Conn.QueryContext(ctx, numbered(query), args)
	return c.rows(ctx, found, err)
}

func (c *conn) rows(ctx context.Context, found driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	std, ok := found.(*stdlib.Rows)
	if !ok {
		return nil, fmt.Errorf("the driver made %T", found)
	}
	return &rows{std, ctx, c}, nil
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	return transaction{tx, ctx, c}, nil
}

type statement struct {
	*stdlib.Stmt
	conn *conn
}

func (s *statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	res, err := s.Stmt.ExecContext(ctx, args)
	return res, s.conn.explain(ctx, err)
}

func (s *statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	found, err := s.Stmt.QueryContext(ctx, args)
	return s.conn.rows(ctx, found, err)
}

type transaction struct {
	driver.Tx
	ctx  context.Context
	conn *conn
}

func (t transaction) Commit() error { return t.conn.explain(t.ctx, t.Tx.Commit()) }

type rows struct {
	*stdlib.Rows
	ctx  context.Context
	conn *conn
}

func (r *rows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err == nil || err == io.EOF { //nolint:errorlint // the end, as database/sql wants it
		return err
	}
	return r.conn.explain(r.ctx, err)
}
