package access

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// maxSessions is how many sessions an operator has at once; a further one ends
// the oldest.
const maxSessions = 64

// SignedIn is a session that has begun.
type SignedIn struct {
	Token string        // to show with each request
	Name  string        // of the operator
	Role  contract.Role // of the operator
	Ends  time.Time     // at the latest
}

// SignIn begins a session, with a token of its own each time. An unknown name and
// a wrong password are the same error, Unauthorized, after the same work.
func (s *Store) SignIn(ctx context.Context, name, password string) (SignedIn, error) {
	p, err := s.verify(ctx, name, password)
	if err != nil {
		return SignedIn{}, err
	}
	token, key := mint(Session)
	now := s.opt.Now()
	in := SignedIn{Token: token, Name: name, Ends: now.Add(s.longest())}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		ms := now.UnixMilli()
		err := tx.QueryRowContext(ctx, "UPDATE operators SET signed_in_ms = ? WHERE name = ? AND hash = ? RETURNING role", ms, name, p.sum).Scan(&in.Role)
		if errors.Is(err, sql.ErrNoRows) { // removed meanwhile, or with another password
			return wrongPassword()
		}
		if err != nil {
			return err
		}
		if err := s.prune(ctx, tx, ms); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE hash IN
			(SELECT hash FROM sessions WHERE operator = ? ORDER BY created_ms DESC LIMIT 1000000 OFFSET ?)`, name, maxSessions-1); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO sessions (hash, operator, created_ms, used_ms, ends_ms) VALUES (?, ?, ?, ?, ?)",
			key[:], name, ms, ms, in.Ends.UnixMilli())
		return err
	})
	s.known.forget() // sessions may have ended
	if err != nil {
		return SignedIn{}, err
	}
	return in, nil
}

// prune removes what has ended.
func (s *Store) prune(ctx context.Context, tx *sql.Tx, nowMS int64) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE ends_ms <= ? OR used_ms <= ?", nowMS, nowMS-s.opt.Session.Milliseconds()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE ends_ms <= ?", nowMS)
	return err
}

func wrongPassword() error {
	return rpc.Text(rpc.Unauthorized, "the name or the password is wrong")
}

// VerifyPassword tells whether a password is an operator's: the error is
// Unauthorized if not, or if there is no such operator, after the same work.
func (s *Store) VerifyPassword(ctx context.Context, name, password string) error {
	_, err := s.verify(ctx, name, password)
	return err
}

func (s *Store) verify(ctx context.Context, name, password string) (p hashed, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		return q.QueryRowContext(ctx, "SELECT salt, hash, memory_kib, passes, threads FROM operators WHERE name = ?", name).
			Scan(&p.salt, &p.sum, &p.memoryKiB, &p.passes, &p.threads)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, unreadable(err)
	}
	right, err := s.hasher.verify(ctx, password, p, err == nil)
	if err == nil && !right {
		err = wrongPassword()
	}
	return p, err
}

// SignOut ends the session of a token, if there is one.
func (s *Store) SignOut(ctx context.Context, token string) error {
	key := digestOf(token)
	return s.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", key[:])
		return err
	})
}
