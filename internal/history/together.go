package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/agata-fl/agata/pkg/contract"
)

// maxTogether bounds the records of several calls of Add that share a transaction.
const maxTogether = 2000

// batch is what one call of Add stores.
type batch struct {
	records []contract.Record
	done    chan struct{} // closed when added and err are known
	added   int
	err     error
}

// waiting are the batches that nobody stores yet. Whoever gets the right to write
// takes those of others with its own: a transaction costs as much as some hundred
// records, and there may be a thousand calls a second.
type waiting struct {
	mu   sync.Mutex
	list []*batch
}

func (w *waiting) put(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, b)
}

// withdraw takes a batch back; false: somebody stores it.
func (w *waiting) withdraw(b *batch) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.list, b)
	if i >= 0 {
		w.list = slices.Delete(w.list, i, i+1)
	}
	return i >= 0
}

// take returns the first batches, as many as go together, and at least one if
// there is any.
func (w *waiting) take() []*batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, records := 0, 0
	for n < len(w.list) && (n == 0 || records+len(w.list[n].records) <= maxTogether) {
		records += len(w.list[n].records)
		n++
	}
	taken := slices.Clone(w.list[:n])
	w.list = slices.Delete(w.list, 0, n)
	return taken
}

// store waits until a batch is stored: by this call, with what others wait for, or
// by another one's.
func (s *Store) store(ctx context.Context, b *batch) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.waiting.put(b)
	for {
		select {
		case <-b.done:
			return b.added, b.err
		case s.writing <- struct{}{}:
			// Others wait for it, who did not cancel anything; it is bounded.
			s.storeAll(context.WithoutCancel(ctx), s.waiting.take())
			s.unlock()
		case <-ctx.Done():
			if s.waiting.withdraw(b) {
				return 0, ctx.Err()
			}
			<-b.done
			return b.added, b.err
		}
	}
}

// storeAll stores batches in one transaction. If that fails each gets one of its
// own, so that none fails for another, unless there was no time. The caller holds
// the lock.
func (s *Store) storeAll(ctx context.Context, list []*batch) {
	if len(list) == 0 {
		return
	}
	err := s.storeTogether(ctx, list)
	for _, b := range list {
		switch {
		case err == nil:
		case len(list) > 1 && !errors.Is(err, context.DeadlineExceeded):
			b.added = 0
			b.err = s.storeTogether(ctx, []*batch{b})
		default:
			b.added, b.err = 0, err
		}
		close(b.done)
	}
}

func (s *Store) storeTogether(ctx context.Context, list []*batch) error {
	var a adding
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		a = adding{store: s, at: s.opt.Now(), counts: counts{}}
		if err := a.begin(ctx, tx); err != nil {
			return err
		}
		for _, b := range list {
			before := len(a.entries)
			if err := a.all(ctx, b.records); err != nil {
				return err
			}
			b.added = len(a.entries) - before
		}
		return a.end(ctx)
	})
	if err != nil {
		clear(s.parts) // some of them may have been merged, and are not
		return err
	}
	a.naming.committed()
	s.next = a.next
	most := s.opt.MaxEvents + s.opt.MaxEvents/50
	if max(s.events.Add(a.events), s.rounds.Add(a.rounds)) > most {
		select {
		case s.full <- struct{}{}:
		default: // Run has been told already
		}
	}
	s.live.add(a.entries)
	return nil
}

// Add stores records, and returns how many of them were new. All of them are in
// one transaction, perhaps with those of other calls.
// A record whose id is known, and one that is older than what it would replace,
// changes nothing. One that makes no sense (it lacks the body of its kind, or an
// id, or its time is not between the years 2000 and 2100) is passed over and
// counted in [Stats]. When Add has returned, readers find what it stored, and
// the followers are awake. A batch of 200 takes some milliseconds; one of very
// many may take longer than a transaction has time, and fails then as a whole.
func (s *Store) Add(ctx context.Context, records []contract.Record) (added int, err error) {
	b := &batch{records: make([]contract.Record, 0, len(records)), done: make(chan struct{})}
	var nonsense error
	for _, r := range records {
		r, err := accept(r)
		if err != nil {
			nonsense = fmt.Errorf("record %q of client %q: %w", cut(r.ID, 64), cut(r.Client, 64), err)
			continue
		}
		b.records = append(b.records, r)
	}
	if nonsense != nil {
		s.skip(len(records)-len(b.records), nonsense)
	}
	if len(b.records) == 0 {
		return 0, nil
	}
	if added, err = s.store(ctx, b); err != nil {
		return 0, fmt.Errorf("add to the history: %w", err)
	}
	return added, nil
}
