package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// lookTimeout bounds a look into the file.
const lookTimeout = 5 * time.Second

// statements are those of the way that every request takes.
type statements struct {
	revision, session, token, credential *sql.Stmt
}

func (s *statements) prepare(ctx context.Context, db *database.DB) error {
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&s.revision, `SELECT number FROM revision`},
		{&s.session, `SELECT o.name, o.role, s.ends_ms, s.used_ms FROM sessions s JOIN operators o ON o.name = s.operator WHERE s.hash = ?`},
		{&s.token, `SELECT o.name, o.role, t.ends_ms, 0 FROM tokens t JOIN operators o ON o.name = t.operator WHERE t.hash = ?`},
		{&s.credential, `SELECT client, '', 0, 0 FROM credentials WHERE hash = ?`},
	} {
		var err error
		if *p.stmt, err = db.PrepareRead(ctx, p.query); err != nil {
			return err
		}
	}
	return nil
}

// refused says nothing about why.
func refused() error {
	return rpc.Text(rpc.Unauthorized, "the credentials are not valid, or not any more")
}

// Authenticate tells who shows a session's token, an API token or a client's
// credential; the error is Unauthorized if nobody, any more. Use keeps a session
// from ending. What was revoked by another process is noticed within a second.
func (s *Store) Authenticate(ctx context.Context, token string) (rpc.Identity, error) {
	h, err := s.find(ctx, token)
	if err != nil {
		return rpc.Identity{}, err
	}
	if KindOf(token) == Session {
		s.touch(ctx, digestOf(token))
	}
	return h.identity, nil
}

// Check tells whether a token still is what Authenticate takes, without keeping a
// session from ending: a stream that lies open is no use of it.
func (s *Store) Check(ctx context.Context, token string) error {
	_, err := s.find(ctx, token)
	return err
}

func (s *Store) find(ctx context.Context, token string) (holder, error) {
	var query *sql.Stmt
	switch KindOf(token) {
	case Session:
		query = s.sql.session
	case APIToken:
		query = s.sql.token
	case Credential:
		query = s.sql.credential
	default:
		return holder{}, refused()
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if err := s.refresh(ctx); err != nil {
		return holder{}, unreadable(err)
	}
	key := digestOf(token)
	h, at, found := s.known.get(key)
	if !found {
		var role string
		var ends, used int64
		err := query.QueryRowContext(ctx, key[:]).Scan(&h.identity.Name, &role, &ends, &used)
		if errors.Is(err, sql.ErrNoRows) {
			return holder{}, refused()
		}
		if err != nil {
			return holder{}, unreadable(err)
		}
		h.identity.Kind, h.identity.Role = rpc.Operator, contract.Role(role)
		if query == s.sql.credential {
			h.identity.Kind = rpc.Client
		}
		h.endsMS, h.usedMS = ends, used
		s.known.put(key, h, at)
	}
	now := s.nowMS()
	if h.endsMS != 0 && now >= h.endsMS || h.usedMS != 0 && now >= h.usedMS+s.opt.Session.Milliseconds() {
		return holder{}, refused()
	}
	return h, nil
}

func unreadable(err error) error {
	return &rpc.Error{Code: rpc.Unavailable, Message: fmt.Sprintf("the accounts cannot be read: %v", err), Err: err}
}

// refresh forgets what was remembered when the file says that it may be wrong.
func (s *Store) refresh(ctx context.Context) error {
	return s.known.refresh(s.opt.Now(), func() (revision int64, err error) {
		err = s.sql.revision.QueryRowContext(ctx).Scan(&revision)
		return revision, err
	})
}

// touch notes, now and then, that a session is in use.
func (s *Store) touch(ctx context.Context, key digest) {
	now := s.nowMS()
	if !s.known.touch(key, now, min(time.Minute, s.opt.Session/10)) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	err := s.db.UpdateOf(ctx, string(key[:]), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE sessions SET used_ms = ?1 WHERE hash = ?2 AND used_ms < ?1", now, key[:])
		return err
	})
	if err != nil { // the session ends early, at worst
		s.log.Warn("that a session is in use cannot be stored", "err", err)
	}
}
