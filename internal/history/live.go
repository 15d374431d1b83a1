package history

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// What live readers are served from memory: at least this many entries, unless
	// they are large.
	recentEntries = 4096
	recentBytes   = 16 << 20
)

// live is the end of the history, for those who follow it.
type live struct {
	mu      sync.Mutex
	last    int64 // the greatest seq
	from    int64 // recent holds whatever came after it
	bytes   int   // of recent, roughly
	recent  []Entry
	changed chan struct{} // closed when last grows
}

func newLive() *live { return &live{changed: make(chan struct{})} }

func (l *live) start(last int64) { l.last, l.from = last, last }

// add tells of new entries, in order. Readers hold parts of recent: it is
// appended to, and replaced, but nothing in it is changed.
func (l *live) add(entries []Entry) {
	if len(entries) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = append(l.recent, entries...)
	for i := range entries {
		l.bytes += weight(&entries[i].Record)
	}
	if len(l.recent) >= 2*recentEntries || l.bytes > 2*recentBytes {
		first, kept := len(l.recent), 0
		for first > 0 && len(l.recent)-first < recentEntries && kept < recentBytes {
			first--
			kept += weight(&l.recent[first].Record)
		}
		if first > 0 {
			l.from = l.recent[first-1].Seq
		}
		l.recent = append(make([]Entry, 0, 2*recentEntries), l.recent[first:]...)
		l.bytes = kept
	}
	l.last = entries[len(entries)-1].Seq
	close(l.changed)
	l.changed = make(chan struct{})
}

// skip tells that others have added entries up to a seq, which are not in memory.
func (l *live) skip(last int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last <= l.last {
		return
	}
	l.recent, l.bytes, l.from, l.last = nil, 0, last, last
	close(l.changed)
	l.changed = make(chan struct{})
}

// weight is how much memory a record takes, roughly.
func weight(r *contract.Record) int {
	n := 512
	switch {
	case r.Event != nil:
		n += len(r.Event.Event)
	case r.Run != nil:
		n += len(r.Run.Detail)
		for _, line := range r.Run.LastLines {
			n += len(line) + 16
		}
	case r.State != nil:
		n += 256*(len(r.State.Running)+len(r.State.Quarantined)) + len(r.State.LastError)
	}
	return n
}

// LastSeq returns the greatest Seq given; 0 in an empty history.
func (s *Store) LastSeq() int64 {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	return s.live.last
}

// FirstSeq returns the Seq from which on nothing has been removed for its age:
// a reader that has seen everything up to and with n has a gap if n+1 < FirstSeq.
func (s *Store) FirstSeq(context.Context) (int64, error) { return s.pruned.Load() + 1, nil }

// Wait returns when there is an entry with a Seq greater than after, or with the
// error of ctx.
func (s *Store) Wait(ctx context.Context, after int64) error {
	for {
		s.live.mu.Lock()
		last, changed := s.live.last, s.live.changed
		s.live.mu.Unlock()
		if last > after {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Since returns what matches and came after a Seq, of all kinds, in order of Seq:
// at most limit entries (1 to 1000; 0 means 100). Fewer mean that nothing else
// matches up to what LastSeq was before the call: a follower goes on from there.
func (s *Store) Since(ctx context.Context, f Filter, after int64, limit int) ([]Entry, error) {
	limit = pageLimit(limit)
	l := s.live
	l.mu.Lock()
	recent, from, last := l.recent, l.from, l.last
	l.mu.Unlock()
	if after < from {
		entries, err := s.since(ctx, &f, after, last, limit)
		if err != nil {
			return nil, fmt.Errorf("read what came after %d: %w", after, err)
		}
		return entries, nil
	}
	var entries []Entry
	first := sort.Search(len(recent), func(i int) bool { return recent[i].Seq > after })
	for i := first; i < len(recent) && len(entries) < limit; i++ {
		if f.match(&recent[i].Record) {
			entries = append(entries, recent[i])
		}
	}
	return entries, nil
}
