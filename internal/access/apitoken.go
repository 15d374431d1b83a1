package access

import (
	"context"
	"database/sql"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxTokens bounds the API tokens of one operator.
	maxTokens = 100
	maxLabel  = 100 // bytes
	// MaxTokenLife is the longest time for which an API token can be made.
	MaxTokenLife = 366 * 24 * time.Hour
)

// Token tells of an API token what may be shown of it. Times are unix seconds.
type Token struct {
	ID      string  `json:"id"`
	Label   string  `json:"label"`
	Created float64 `json:"created"`
	Expires float64 `json:"expires"`
}

// NewToken makes an API token, with which an operator's programs do what the
// operator may, for a time. It is told now and never again.
func (s *Store) NewToken(ctx context.Context, operator, label string, life time.Duration) (token string, about Token, err error) {
	if label == "" || len(label) > maxLabel || !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) {
		return "", about, rpc.Errorf(rpc.Invalid, "label: give one line of text, of %d bytes at most", maxLabel)
	}
	if life <= 0 || life > MaxTokenLife {
		return "", about, rpc.Errorf(rpc.Invalid, "days: use 1 to %d", MaxTokenLife/(24*time.Hour))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", about, err
	}
	token, key := mint(APIToken)
	created := s.nowMS()
	ends := created + life.Milliseconds()
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := s.exists(ctx, tx, operator); err != nil {
			return err
		}
		if err := s.prune(ctx, tx, created); err != nil {
			return err
		}
		var count int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM tokens WHERE operator = ?", operator).Scan(&count); err != nil {
			return err
		}
		if count >= maxTokens {
			return rpc.Errorf(rpc.Conflict, "you have %d API tokens, and no more than that are allowed: revoke one", count)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO tokens (id, hash, operator, label, created_ms, ends_ms) VALUES (?, ?, ?, ?, ?, ?)",
			id.String(), key[:], operator, label, created, ends)
		return err
	})
	if err != nil {
		return "", about, err
	}
	return token, Token{ID: id.String(), Label: label, Created: seconds(created), Expires: seconds(ends)}, nil
}

// Tokens lists an operator's API tokens, the oldest first.
func (s *Store) Tokens(ctx context.Context, operator string) ([]Token, error) {
	list := []Token{}
	err := s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT id, label, created_ms, ends_ms FROM tokens WHERE operator = ? AND ends_ms > ? ORDER BY id", operator, s.nowMS())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var t Token
			var created, ends int64
			if err := rows.Scan(&t.ID, &t.Label, &created, &ends); err != nil {
				return err
			}
			t.Created, t.Expires = seconds(created), seconds(ends)
			list = append(list, t)
		}
		return rows.Err()
	})
	return list, err
}

// RevokeToken revokes one of an operator's API tokens.
func (s *Store) RevokeToken(ctx context.Context, operator, id string) error {
	return s.update(ctx, func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, "DELETE FROM tokens WHERE operator = ? AND id = ?", operator, id))
		if err == nil && n == 0 {
			err = rpc.Errorf(rpc.NotFound, "you have no API token %.64q", id)
		}
		return err
	})
}
