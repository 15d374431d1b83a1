package policy

import (
	"cmp"
	"slices"
	"time"
)

// Key names one version of a task: its id and the digest of its files. Another
// digest is another key, so a corrected task runs at once.
type Key struct {
	Task   string `json:"task"`
	Digest string `json:"digest"`
}

// Entry is what is held against a version of a task.
type Entry struct {
	Key
	Reason   Reason    `json:"reason"`         // of the last failure
	Held     bool      `json:"held"`           // false: failures are counted, but it may run
	Since    time.Time `json:"since"`          // the first failure counted
	Until    time.Time `json:"until,omitzero"` // when all is forgotten; zero: never
	Failures int       `json:"failures"`
}

// Rules say when a version is held and for how long.
type Rules struct {
	CodeFor    time.Duration // after a failure of the code; 0: until released or replaced
	After      int           // how many failures of the infrastructure it takes
	For        time.Duration // for how long after these; also how long one is remembered
	MaxEntries int
}

// DefaultRules hold a failing version until somebody acts, and one that met three
// failures of the infrastructure for ten minutes.
func DefaultRules() Rules {
	return Rules{After: 3, For: 10 * time.Minute, MaxEntries: 1024}
}

// Within are entries as they may stand at now, none for longer than from now on: the
// clock that they were written by may have been ahead.
func (r Rules) Within(now time.Time, entries []Entry) []Entry {
	latest := now.Add(max(r.CodeFor, r.For))
	for i, e := range entries {
		if e.Until.After(latest) {
			entries[i].Until = latest
		}
	}
	return entries
}

// Quarantine holds versions of tasks back. It is not safe for concurrent use.
type Quarantine struct {
	rules   Rules
	entries map[Key]Entry
}

// NewQuarantine begins with the entries that Load gave.
func NewQuarantine(rules Rules, entries []Entry) *Quarantine {
	q := &Quarantine{rules: rules, entries: map[Key]Entry{}}
	for _, e := range entries {
		q.entries[e.Key] = e
	}
	q.bound()
	return q
}

// Fail counts a failure and returns what is now held against the version; the
// zero Entry after a stop by the operator.
func (q *Quarantine) Fail(now time.Time, key Key, reason Reason) Entry {
	class := ClassOf(reason)
	if class == Operator || class == Success {
		return Entry{}
	}
	entry, known := q.lookUp(now, key)
	if !known {
		entry = Entry{Key: key, Since: now}
	}
	was := entry.Held
	wasForever := was && entry.Until.IsZero()
	entry.Failures++
	entry.Reason = reason
	period := q.rules.For
	if class == Code {
		entry.Held, period = true, q.rules.CodeFor
	} else if entry.Failures >= q.rules.After {
		entry.Held = true
	}
	switch until := now.Add(period); {
	case wasForever || class == Code && period == 0:
		entry.Until = time.Time{}
	case until.After(entry.Until), entry.Held && !was: // held no shorter than it was; a count may have been kept for longer
		entry.Until = until
	}
	q.entries[key] = entry
	q.bound()
	return entry
}

// Succeed forgets the failures of a version that has run to its end.
func (q *Quarantine) Succeed(key Key) { delete(q.entries, key) }

// Held says whether a version must not run now, and why.
func (q *Quarantine) Held(now time.Time, key Key) (Entry, bool) {
	entry, known := q.lookUp(now, key)
	return entry, known && entry.Held
}

// Release forgets all versions of a task and returns how many were held.
func (q *Quarantine) Release(task string) int {
	held := 0
	for key, entry := range q.entries {
		if key.Task == task {
			if entry.Held {
				held++
			}
			delete(q.entries, key)
		}
	}
	return held
}

// Entries lists what is held or counted at now, by task and digest.
func (q *Quarantine) Entries(now time.Time) []Entry {
	var list []Entry
	for key := range q.entries {
		if entry, known := q.lookUp(now, key); known {
			list = append(list, entry)
		}
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Task, b.Task), cmp.Compare(a.Digest, b.Digest))
	})
	return list
}

func (q *Quarantine) lookUp(now time.Time, key Key) (Entry, bool) {
	entry, known := q.entries[key]
	if known && !entry.Until.IsZero() && !now.Before(entry.Until) {
		delete(q.entries, key)
		return Entry{}, false
	}
	return entry, known
}

// bound drops what matters least: first what is only counted, then the oldest.
func (q *Quarantine) bound() {
	if q.rules.MaxEntries <= 0 || len(q.entries) <= q.rules.MaxEntries {
		return
	}
	all := make([]Entry, 0, len(q.entries))
	for _, entry := range q.entries {
		all = append(all, entry)
	}
	slices.SortFunc(all, func(a, b Entry) int {
		if a.Held != b.Held {
			if b.Held {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Task, b.Task), cmp.Compare(a.Digest, b.Digest))
	})
	for _, entry := range all[:len(all)-q.rules.MaxEntries] {
		delete(q.entries, entry.Key)
	}
}
