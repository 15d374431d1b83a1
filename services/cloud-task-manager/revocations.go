package cloudtaskmanager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// maxRevocations bounds the list: each client keeps all of it.
const maxRevocations = 10_000

var errTooManyRevocations = fmt.Errorf("%d bundles are revoked already, and no more are kept", maxRevocations)

// revokedSet are the revoked digests, for those who ask often. The set that
// readers have never changes.
type revokedSet struct {
	digests atomic.Pointer[map[string]bool]
}

func (s *revokedSet) has(digest string) bool {
	set := s.digests.Load()
	return set != nil && (*set)[digest]
}

// loadRevoked reads the set from the table.
func (s *Service) loadRevoked(ctx context.Context) error {
	set := map[string]bool{}
	err := s.store.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, `SELECT digest FROM revocations`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var digest string
			if err := rows.Scan(&digest); err != nil {
				return err
			}
			set[digest] = true
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("read the revoked bundles: %w", err)
	}
	s.revoked.digests.Store(&set)
	return nil
}

// revoke records bundles as revoked; those that are already keep what was said of
// them first.
func (s *store) revoke(ctx context.Context, req contract.RevokeRequest, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, digest := range append([]string{req.Digest}, req.Others...) {
			if _, err := tx.ExecContext(ctx, `INSERT INTO revocations (digest, task, reason, revoked_ms) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING`,
				digest, req.TaskID, req.Reason, now.UnixMilli()); err != nil {
				return fmt.Errorf("record a revocation: %w", err)
			}
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM revocations`).Scan(&n); err != nil {
			return err
		}
		if n > maxRevocations {
			return errTooManyRevocations
		}
		return s.tell(ctx, tx, "", changeRevoked, "")
	})
}

// listName names this cloud's lists: a place in them means nothing in another's.
func (s *store) listName(ctx context.Context) (name string, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		return q.QueryRowContext(ctx, `SELECT name FROM revocation_list`).Scan(&name)
	})
	return name, err
}

// revocations returns a page of the list.
func (s *store) revocations(ctx context.Context, after string, limit int) (page contract.RevocationList, err error) {
	page.Revocations = []contract.Revocation{}
	err = s.db.View(ctx, func(q database.Querier) error {
		var list string
		if err := q.QueryRowContext(ctx, `SELECT name, (SELECT count(*) FROM revocations) FROM revocation_list`).Scan(&list, &page.Total); err != nil {
			return err
		}
		seq := reached(list, after)
		rows, err := q.QueryContext(ctx, `SELECT seq, digest, task, reason, revoked_ms FROM revocations WHERE seq > ? ORDER BY seq LIMIT ?`, seq, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r contract.Revocation
			var at int64
			if err := rows.Scan(&seq, &r.Digest, &r.TaskID, &r.Reason, &at); err != nil {
				return err
			}
			r.Revoked = seconds(time.UnixMilli(at))
			page.Revocations = append(page.Revocations, r)
		}
		page.Next = list + "." + strconv.FormatInt(seq, 10)
		return rows.Err()
	})
	if err != nil {
		return page, errors.Join(errors.New("list the revocations"), err)
	}
	return page, nil
}

// reached is where in a list somebody has come to; the beginning, if it was in
// another list.
func reached(list, after string) int64 {
	name, number, _ := strings.Cut(after, ".")
	seq, err := strconv.ParseInt(number, 10, 64)
	if name != list || err != nil || seq < 0 {
		return 0
	}
	return seq
}
