package history

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

//go:embed migrations/*.sql migrations/postgres/*.sql
var migrationFiles embed.FS

func migrations() fs.FS { return database.Migrations(migrationFiles) }

// What Options mean when they are zero.
const (
	DefaultRetention = 30 * 24 * time.Hour
	DefaultMaxEvents = 5_000_000
)

// Options of a [Store].
type Options struct {
	// Retention is how long after its arrival a record is kept; 0 means
	// DefaultRetention.
	Retention time.Duration
	// MaxEvents bounds the number of events, and of rounds, and of executions that
	// have ended; 0 means DefaultMaxEvents.
	MaxEvents int64
	// Database is the PostgreSQL database to use in place of a file.
	Database database.Server
	Logger   *slog.Logger     // nil: silent
	Now      func() time.Time // nil: time.Now
}

// Entry is a stored record.
type Entry struct {
	// Seq numbers entries in the order of their storage. A later record of an
	// execution or of a client's state takes the earlier one's place, with a new
	// Seq.
	Seq int64 `json:"seq"`
	contract.Record
}

// Store is an open history. It is safe for concurrent use.
type Store struct {
	db  *database.DB
	opt Options
	log *slog.Logger
	sql statements

	// writing is held by whoever changes records, seqs, names or the density.
	writing   chan struct{}
	names     *names
	parts     map[cellKey]int // how many parts a cell has got, as far as known; guarded by writing
	next      int64           // the seq after the last one given; guarded by writing
	forgotten int64           // how often names were forgotten; guarded by writing
	waiting   waiting         // to be stored
	warned    atomic.Int64    // when nonsense was last logged, unix ns

	maxScan int // how many events one look goes through; less in tests

	live    *live
	seen    *presence
	events  atomic.Int64 // how many there are
	rounds  atomic.Int64
	pruned  atomic.Int64 // the greatest seq that was removed
	skipped atomic.Int64
	full    chan struct{} // tells Run that there are too many
	closing sync.Once
	closed  error
}

// Open opens or creates the history at path, or in its place in Options.Database.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	if opt.Retention <= 0 {
		opt.Retention = DefaultRetention
	}
	if opt.MaxEvents <= 0 {
		opt.MaxEvents = DefaultMaxEvents
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	db, err := database.Open(ctx, path, migrations(), database.Options{Server: opt.Database})
	if err != nil {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	s := &Store{
		db: db, opt: opt, log: opt.Logger,
		writing: make(chan struct{}, 1), full: make(chan struct{}, 1),
		maxScan: maxScan, names: newNames(), parts: map[cellKey]int{}, live: newLive(), seen: newPresence(),
	}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the history %s: %w", db.Path(), err), db.Close())
	}
	return s, nil
}

// load reads what the store keeps in memory.
func (s *Store) load(ctx context.Context) error {
	if err := s.sql.prepare(ctx, s.db); err != nil {
		return err
	}
	// The indexes of events are written all over: their inner pages should stay in
	// memory, and those that many transactions change be written back seldom.
	if s.db.Engine() == database.SQLite {
		err := s.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000") // KiB; pages
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.db.View(ctx, func(q database.Querier) error {
		figures, err := readFigures(ctx, q)
		if err != nil {
			return err
		}
		var events, rounds, executions, states int64
		err = q.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(seq), 0) FROM events), (SELECT coalesce(max(seq), 0) FROM rounds),
			(SELECT coalesce(max(seq), 0) FROM executions), (SELECT coalesce(max(seq), 0) FROM states)`).Scan(&events, &rounds, &executions, &states)
		if err != nil {
			return err
		}
		last := max(events, rounds, executions, states, figures["pruned"], figures["last"])
		s.events.Store(figures["events"])
		s.rounds.Store(figures["rounds"])
		s.pruned.Store(figures["pruned"])
		s.forgotten = figures["forgotten"]
		s.next = last + 1
		s.live.start(last)
		if err := s.names.load(ctx, q); err != nil {
			return err
		}
		return s.seen.load(ctx, q, 0)
	})
}

// lock waits until the caller is the only one that changes records.
func (s *Store) lock(ctx context.Context) error {
	select {
	case s.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) unlock() { <-s.writing }

// Close writes what is only in memory yet, and closes the file. Nobody may use
// the store any more.
func (s *Store) Close() error {
	s.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), database.DefaultTimeout)
		defer cancel()
		s.closed = errors.Join(s.writeSeen(ctx), s.db.Close())
	})
	return s.closed
}

// now is the present, in unix seconds.
func (s *Store) now() float64 { return seconds(s.opt.Now()) }

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// Stats describe the store.
type Stats struct {
	Events      int64   `json:"events"`
	First       float64 `json:"first"` // unix seconds, of the earliest event; 0: there is none
	Last        float64 `json:"last"`
	LastSeq     int64   `json:"last_seq"`
	Bytes       int64   `json:"bytes"` // on disk
	KeepSeconds float64 `json:"keep_seconds"`
	MaxEvents   int64   `json:"max_events"`
	Skipped     int64   `json:"skipped"` // records that made no sense, since the store was opened
}

// Stats returns how much is stored.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	st := Stats{Events: s.events.Load(), LastSeq: s.LastSeq(), KeepSeconds: s.opt.Retention.Seconds(), MaxEvents: s.opt.MaxEvents, Skipped: s.skipped.Load()}
	err := s.db.View(ctx, func(q database.Querier) (err error) {
		st.First, st.Last, err = s.span(ctx, q, &scan{index: s.indexed("events_time")})
		return err
	})
	if err != nil {
		return st, fmt.Errorf("describe the history: %w", err)
	}
	if st.Bytes, err = s.db.Size(ctx); err != nil {
		return st, fmt.Errorf("describe the history: %w", err)
	}
	return st, nil
}
