package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/agata-fl/agata/internal/database"
)

// Bounds of the answers that are remembered.
const (
	keepAnswers    = 24 * 60 * 60.0 // seconds
	maxAnswers     = 10_000
	maxAnswerBytes = 1 << 20 // of one
	maxAnswersSize = 64 << 20
)

// ErrAnswerTooLarge means that an answer is larger than what is remembered.
var ErrAnswerTooLarge = errors.New("the answer is too large to be remembered")

// Answer is how a request was answered, to be given again when it is repeated.
type Answer struct {
	Fingerprint string // of the request: a repetition must have the same
	Status      int
	Header      map[string]string
	Body        []byte
}

// Remembered returns the answer that was given under a key in the last 24 hours;
// false if there is none.
func (s *Store) Remembered(ctx context.Context, key string) (a Answer, found bool, err error) {
	var header []byte
	err = s.db.View(ctx, func(q database.Querier) error {
		return q.QueryRowContext(ctx, "SELECT fingerprint, status, header, body FROM answers WHERE key = ? AND at > ?", key, s.now()-keepAnswers).
			Scan(&a.Fingerprint, &a.Status, &header, &a.Body)
	})
	if err == nil {
		err = json.Unmarshal(header, &a.Header)
	}
	if ignoreNoRows(err) != nil {
		return Answer{}, false, fmt.Errorf("look for a remembered answer: %w", err)
	}
	return a, err == nil, nil
}

// Remember keeps an answer for 24 hours; the first one under a key stays. An
// answer of more than 1 MiB is refused with ErrAnswerTooLarge; of more than 10,000
// answers, or 64 MiB, the oldest go.
func (s *Store) Remember(ctx context.Context, key string, a Answer) error {
	header, err := json.Marshal(a.Header)
	if err != nil {
		return fmt.Errorf("remember an answer: %w", err)
	}
	size := len(key) + len(a.Fingerprint) + len(header) + len(a.Body)
	if size > maxAnswerBytes {
		return fmt.Errorf("remember an answer of %d bytes: %w", size, ErrAnswerTooLarge)
	}
	if a.Body == nil {
		a.Body = []byte{}
	}
	now := s.now()
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM answers WHERE at <= ?", now-keepAnswers); err != nil {
			return err
		}
		// From the newest to the oldest, all from the first that passes a bound.
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM answers WHERE seq <= (SELECT max(seq) FROM (
			SELECT seq, row_number() OVER newest AS n, sum(size) OVER newest AS bytes FROM answers%s WINDOW newest AS (ORDER BY seq DESC)) AS ages
			WHERE n > ? OR bytes > ?)`, s.indexed("answers_size")), maxAnswers-1, maxAnswersSize-size)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO answers (key, fingerprint, status, header, body, size, at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (key) DO NOTHING`, key, a.Fingerprint, a.Status, string(header), a.Body, size, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("remember an answer: %w", err)
	}
	return nil
}
