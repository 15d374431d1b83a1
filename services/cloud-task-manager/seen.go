package cloudtaskmanager

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// maxSeen bounds the clients that are remembered, and maxWeight what is kept of
	// one's attributes, in bytes, roughly.
	maxSeen   = 20_000
	maxWeight = 4 << 10
	// seenFor is how long a client is remembered that does not ask again.
	seenFor = 10 * time.Minute
	// strangersFor is how long after the service's start a change concerns all
	// clients: by then each one that is there has asked.
	strangersFor = time.Minute
	// matchTime bounds the evaluation of a criterion for all of them; it concerns
	// those whose turn has not come.
	matchTime = 100 * time.Millisecond
)

// seen remembers what clients had when they asked for tasks, and what they were
// answered: to tell whom a change concerns without asking anybody.
type seen struct {
	began time.Time

	mu     sync.Mutex
	others bool // there are managers that see clients, too
	byID   map[string]sight
	pruned time.Time
}

type sight struct {
	at    time.Time
	attrs map[string]any // nil: too many to keep
	tasks []string       // that it was offered
}

// answered takes in what a client was answered. attrs must not change any more.
func (s *seen) answered(id string, attrs map[string]any, tasks []contract.OfferedTask) {
	now := time.Now()
	last := sight{at: now, tasks: make([]string, len(tasks))}
	for i, t := range tasks {
		last.tasks[i] = t.ID
	}
	if weight(attrs) <= maxWeight {
		last.attrs = attrs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = map[string]sight{}
	}
	if _, known := s.byID[id]; !known && len(s.byID) >= maxSeen {
		s.prune(now)
	}
	s.byID[id] = last
}

// prune makes room for one. mu is held.
func (s *seen) prune(now time.Time) {
	if now.Sub(s.pruned) > strangersFor {
		s.pruned = now
		maps.DeleteFunc(s.byID, func(_ string, c sight) bool { return now.Sub(c.at) > seenFor })
	}
	for id := range s.byID {
		if len(s.byID) < maxSeen {
			return
		}
		delete(s.byID, id) // any: it asks again when its time has come
	}
}

// strangers tells whether there may be clients that have not asked, or not here.
func (s *seen) strangers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.others || time.Since(s.began) < strangersFor
}

// among notes whether there are other managers. Who asked those that have gone asks
// here from then on.
func (s *seen) among(others bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.others && !others {
		s.began = time.Now()
	}
	s.others = others
}

// had returns the clients whose last answer held a task.
func (s *seen) had(taskID string) (ids []string, all bool) {
	if s.strangers() {
		return nil, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range s.byID {
		if slices.Contains(c.tasks, taskID) {
			ids = append(ids, id)
		}
	}
	return ids, false
}

// may returns the clients for which an offer is, by what they last had, and those
// that had it.
func (s *seen) may(o *control.Offer) (ids []string, all bool) {
	if s.strangers() {
		return nil, true
	}
	s.mu.Lock()
	list := maps.Clone(s.byID)
	s.mu.Unlock()
	now := time.Now()
	for id, c := range list {
		switch {
		case now.Sub(c.at) > seenFor:
			continue
		case c.attrs == nil || slices.Contains(c.tasks, o.Task.ID) || time.Since(now) > matchTime:
		case !o.Fits(c.attrs):
			continue
		}
		ids = append(ids, id)
	}
	return ids, false
}

// weight is roughly how many bytes a value keeps.
func weight(v any) int {
	const word = 16
	n := word
	switch v := v.(type) {
	case string:
		n += len(v)
	case []string:
		for _, item := range v {
			n += word + len(item)
		}
	case []any:
		for _, item := range v {
			n += weight(item)
		}
	case map[string]any:
		for key, item := range v {
			n += len(key) + word + weight(item)
		}
	}
	return n
}
