package history

import (
	"context"
	"database/sql"
	"time"

	"github.com/agata-fl/agata/internal/database"
)

// Several gateways may share a history that is in PostgreSQL. Its transactions that
// write take turns, and each begins by learning what the others have done since:
// which seq is the next, and which names were forgotten. Who only reads learns it
// every followEvery.
const followEvery = time.Second

// catchUp learns what other processes did. The caller holds the lock.
func (s *Store) catchUp(ctx context.Context, q database.Querier) error {
	if s.db.Engine() != database.PostgreSQL {
		return nil // a file is one process's
	}
	figures, err := readFigures(ctx, q)
	if err != nil {
		return err
	}
	s.events.Store(figures["events"])
	s.rounds.Store(figures["rounds"])
	s.pruned.Store(max(s.pruned.Load(), figures["pruned"]))
	if figures["forgotten"] != s.forgotten {
		if err := s.names.reload(ctx, q); err != nil {
			return err
		}
		s.forgotten = figures["forgotten"]
	}
	if figures["last"] < s.next {
		return nil
	}
	if err := s.names.load(ctx, q); err != nil {
		return err
	}
	s.next = figures["last"] + 1
	s.live.skip(figures["last"])
	return nil
}

// follow is catchUp for who only reads, and learns which clients others have seen.
func (s *Store) follow(ctx context.Context) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	return s.db.View(ctx, func(q database.Querier) error {
		if err := s.catchUp(ctx, q); err != nil {
			return err
		}
		return s.seen.load(ctx, q, s.now()-60)
	})
}

// given notes the last seq that a transaction gave.
func (s *Store) given(ctx context.Context, tx *sql.Tx, last int64) error {
	if s.db.Engine() != database.PostgreSQL {
		return nil
	}
	_, err := tx.ExecContext(ctx, "UPDATE figures SET value = ?1 WHERE name = 'last' AND value < ?1", last)
	return err
}

func readFigures(ctx context.Context, q database.Querier) (map[string]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT name, value FROM figures")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	figures := map[string]int64{}
	for rows.Next() {
		var name string
		var value int64
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		figures[name] = value
	}
	return figures, rows.Err()
}
