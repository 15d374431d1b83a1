package access

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxEnrolments bounds the tokens that are not spent.
	maxEnrolments = 10_000
	maxClient     = 256 // bytes of a client's id, as everywhere
	// MaxEnrolmentLife is the longest time for which an enrolment token is made.
	MaxEnrolmentLife = 30 * 24 * time.Hour
)

// ClientCredential tells of a client's credential what may be shown of it.
type ClientCredential struct {
	Created float64 // unix seconds
	By      string  // the operator whose enrolment token was spent
}

func checkClient(client string) error {
	if client == "" || len(client) > maxClient || !utf8.ValidString(client) || strings.ContainsFunc(client, unicode.IsControl) {
		return rpc.Errorf(rpc.Invalid, "client: a client's id is one line of text, of 1 to %d bytes", maxClient)
	}
	return nil
}

// NewEnrolment makes a token with which a client gets a credential, once. With
// client "" that may be any that has none; a token for one client also replaces
// the credential that it has.
func (s *Store) NewEnrolment(ctx context.Context, by, client string, life time.Duration) (token string, expires time.Time, err error) {
	if client != "" {
		if err := checkClient(client); err != nil {
			return "", expires, err
		}
	}
	if life <= 0 || life > MaxEnrolmentLife {
		return "", expires, rpc.Errorf(rpc.Invalid, "hours: use 1 to %d", MaxEnrolmentLife/time.Hour)
	}
	token, key := mint(Enrolment)
	now := s.opt.Now()
	expires = now.Add(life)
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM enrolments WHERE ends_ms <= ?", now.UnixMilli()); err != nil {
			return err
		}
		var count int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM enrolments").Scan(&count); err != nil {
			return err
		}
		if count >= maxEnrolments {
			return rpc.Errorf(rpc.Conflict, "%d enrolment tokens are not spent, and no more than that are allowed: they expire", count)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO enrolments (hash, client, made_by, ends_ms) VALUES (?, ?, ?, ?)", key[:], client, by, expires.UnixMilli())
		return err
	})
	if err != nil {
		return "", expires, err
	}
	return token, expires, nil
}

// Enrol spends an enrolment token for a client's credential, which is told now
// and never again. The error is Unauthorized for a token that is not one any
// more, Forbidden for one of another client, and Conflict for one of no client in
// particular if this client has a credential already; neither is spent then.
func (s *Store) Enrol(ctx context.Context, token, client string) (credential string, err error) {
	if err := checkClient(client); err != nil {
		return "", err
	}
	spent := digestOf(token)
	if err := s.unspent(ctx, token, spent); err != nil {
		return "", err
	}
	credential, key := mint(Credential)
	now := s.nowMS()
	err = s.update(ctx, func(tx *sql.Tx) error {
		var meant, by string
		err := tx.QueryRowContext(ctx, "DELETE FROM enrolments WHERE hash = ? AND ends_ms > ? RETURNING client, made_by", spent[:], now).Scan(&meant, &by)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return badEnrolment()
		case err != nil:
			return err
		case meant != "" && meant != client:
			return rpc.Errorf(rpc.Forbidden, "the enrolment token is for another client")
		}
		if meant == "" {
			var has bool
			if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM credentials WHERE client = ?)", client).Scan(&has); err != nil {
				return err
			}
			if has {
				return rpc.Errorf(rpc.Conflict, "client %s has a credential already: only a token that was made for this client replaces it", client)
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO credentials (client, hash, made_by, created_ms) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (client) DO UPDATE SET hash = ?2, made_by = ?3, created_ms = ?4`, client, key[:], by, now)
		return err
	})
	if err != nil {
		return "", err
	}
	return credential, nil
}

func badEnrolment() error {
	return rpc.Errorf(rpc.Unauthorized, "the enrolment token is not valid, or not any more: an operator makes a new one with `agata client enrol`")
}

// unspent refuses most of what cannot be spent without a change to the file, which
// anybody could ask for as often as they like.
func (s *Store) unspent(ctx context.Context, token string, key digest) error {
	if KindOf(token) != Enrolment {
		return badEnrolment()
	}
	var there bool
	err := s.db.View(ctx, func(q database.Querier) error {
		return q.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM enrolments WHERE hash = ?)", key[:]).Scan(&there)
	})
	if err == nil && !there {
		err = badEnrolment()
	}
	return err
}

// ClientCredential tells whether a client has a credential, and of what origin.
func (s *Store) ClientCredential(ctx context.Context, client string) (about ClientCredential, has bool, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		var created int64
		err := q.QueryRowContext(ctx, "SELECT created_ms, made_by FROM credentials WHERE client = ?", client).Scan(&created, &about.By)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		about.Created, has = seconds(created), err == nil
		return err
	})
	return about, has, err
}

// RevokeCredential takes a client's credential away, and the enrolment tokens
// that were made for it.
func (s *Store) RevokeCredential(ctx context.Context, client string) error {
	return s.update(ctx, func(tx *sql.Tx) error {
		tokens, err := affected(tx.ExecContext(ctx, "DELETE FROM enrolments WHERE client = ? AND client <> ''", client))
		if err != nil {
			return err
		}
		n, err := affected(tx.ExecContext(ctx, "DELETE FROM credentials WHERE client = ?", client))
		if err == nil && n+tokens == 0 {
			err = rpc.Errorf(rpc.NotFound, "client %.256s has no credential", client)
		}
		return err
	})
}
