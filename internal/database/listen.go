package database

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// listenLook is how long a connection may be silent before it is asked whether
	// it is there.
	listenLook = 15 * time.Second
	// listenAgain is how long a lost one is waited for.
	listenAgain = time.Second
)

// Listen calls heard whenever a transaction commits that has notified a channel (by
// pg_notify), until ctx ends. It has a connection of its own, which it renews as often
// as it must, and calls heard for each, since words may have been missed meanwhile.
// Several words may come as one. With SQLite there are none.
func (db *DB) Listen(ctx context.Context, channel string, heard func()) {
	p, ok := db.engine.(*postgres)
	if !ok {
		<-ctx.Done()
		return
	}
	for ctx.Err() == nil {
		// Why it was lost is no news: whoever listens also asks, and is told then.
		_ = p.listen(ctx, channel, heard)
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// listen is Listen on one connection.
func (p *postgres) listen(ctx context.Context, channel string, heard func()) (err error) {
	config := p.config.Copy()
	if err := p.setPassword(config); err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenAgain)
		defer cancel()
		err = errors.Join(err, conn.Close(closing))
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return err
	}
	for heard(); ; {
		err := within(ctx, listenLook, func(ctx context.Context) error {
			_, err := conn.WaitForNotification(ctx)
			return err
		})
		switch {
		case err == nil:
			heard()
			continue
		case ctx.Err() == nil && !conn.IsClosed(): // nothing was said for a while
			err = within(ctx, listenLook, conn.Ping)
		}
		if err != nil {
			return err
		}
	}
}

func within(ctx context.Context, d time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return fn(ctx)
}
