package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/agata-fl/agata/pkg/baseservice"
)

const (
	// CallsKept is how long a call that took effect is remembered.
	CallsKept = 48 * time.Hour
	// MaxCalls bounds the calls that are remembered; the oldest go first.
	MaxCalls = 200_000
)

const (
	sqlRecall   = `SELECT reply FROM calls WHERE function = ? AND message_id = ?`
	sqlRemember = `INSERT INTO calls (function, message_id, reply, at_ms) VALUES (?, ?, ?, ?)`
	// Each call takes a few of the oldest with it, so that no call pays for many.
	sqlForget = `DELETE FROM calls WHERE seq IN (SELECT seq FROM calls ORDER BY seq LIMIT 8)
		AND (at_ms < ? OR seq <= (SELECT max(seq) FROM calls) - ?)`
	// Nobody waits for another who forgets the same ones.
	sqlForgetBeside = `DELETE FROM calls WHERE seq IN (SELECT seq FROM calls WHERE seq IN (SELECT seq FROM calls ORDER BY seq LIMIT 8)
		AND (at_ms < ? OR seq <= (SELECT max(seq) FROM calls) - ?) FOR UPDATE SKIP LOCKED)`
)

// Calls is the memory of calls that took effect: the table calls, which a service
// makes by a migration,
//
//	CREATE TABLE calls (
//		seq        INTEGER PRIMARY KEY,
//		function   TEXT    NOT NULL,
//		message_id TEXT    NOT NULL,
//		reply      TEXT    NOT NULL,
//		at_ms      INTEGER NOT NULL,
//		UNIQUE (function, message_id)
//	) STRICT;
//
// A row is written in the transaction of the effect. It implements
// [baseservice.Memory].
type Calls struct {
	recall           *sql.Stmt // of readers
	remember, forget *sql.Stmt // of the writer
}

// NewCalls prepares the memory in a database that has the table.
func NewCalls(ctx context.Context, db *DB) (*Calls, error) {
	var c Calls
	var errs [3]error
	c.recall, errs[0] = db.PrepareRead(ctx, sqlRecall)
	c.remember, errs[1] = db.PrepareWrite(ctx, sqlRemember)
	forget := sqlForget
	if db.Engine() == PostgreSQL {
		forget = sqlForgetBeside
	}
	c.forget, errs[2] = db.PrepareWrite(ctx, forget)
	return &c, errors.Join(errs[:]...)
}

// Recall implements [baseservice.Memory].
func (c *Calls) Recall(ctx context.Context, call baseservice.Call) (reply json.RawMessage, found bool, err error) {
	var text string
	err = c.recall.QueryRowContext(ctx, call.Function, call.MessageID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return json.RawMessage(text), err == nil, err
}

// Remember writes, in the transaction of its effect, that the context's call took
// effect with this reply, an encoded value; it does nothing if the context has no
// call. It fails if the call took effect before.
func (c *Calls) Remember(ctx context.Context, tx *sql.Tx, reply string) error {
	call, ok := baseservice.CallFrom(ctx)
	if !ok {
		return nil
	}
	err := c.RememberCall(ctx, tx, call, reply)
	if err == nil {
		baseservice.TookEffect(ctx)
	}
	return err
}

// RememberCall is [Calls.Remember] for a call that is not the context's.
func (c *Calls) RememberCall(ctx context.Context, tx *sql.Tx, call baseservice.Call, reply string) error {
	now := time.Now()
	if _, err := tx.StmtContext(ctx, c.remember).ExecContext(ctx, call.Function, call.MessageID, reply, now.UnixMilli()); err != nil {
		return fmt.Errorf("remember that %s took effect: %w", call.Function, err)
	}
	if _, err := tx.StmtContext(ctx, c.forget).ExecContext(ctx, now.Add(-CallsKept).UnixMilli(), MaxCalls); err != nil {
		return fmt.Errorf("forget old calls: %w", err)
	}
	return nil
}
