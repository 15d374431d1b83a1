package cloudtaskmanager

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/agata-fl/agata/internal/criteria"
	"github.com/agata-fl/agata/pkg/contract"
)

// offer is a running task as clients get it, with its criteria ready to ask.
type offer struct {
	seq      int64
	task     contract.OfferedTask
	criteria *criteria.Expr
}

func newOffer(t *task) (*offer, error) {
	expr, err := criteria.Compile(t.selectionCriteria)
	if err != nil {
		return nil, fmt.Errorf("compile the selection criteria of task %s: %w", t.id, err)
	}
	return &offer{seq: t.seq, task: t.offered(), criteria: expr}, nil
}

// offerOf is a task's offer with the bundle that clients will get.
func (s *Service) offerOf(t *task) (*offer, error) {
	o, err := newOffer(t)
	if err == nil {
		o.task.Bundle, err = s.bundleOf(t.id)
	}
	return o, err
}

// offers holds the running tasks in the order of their creation. Readers get a
// list that never changes; a change makes a new one.
type offers struct {
	mu   sync.Mutex // one change at a time
	list atomic.Pointer[[]*offer]
}

// all returns the offers; the caller must not change the list.
func (s *offers) all() []*offer {
	if list := s.list.Load(); list != nil {
		return *list
	}
	return nil
}

// get returns a task's offer; nil if it is not on offer.
func (s *offers) get(id string) *offer {
	for _, o := range s.all() {
		if o.task.ID == id {
			return o
		}
	}
	return nil
}

// add puts a task on offer.
func (s *offers) add(o *offer) {
	s.change(o.task.ID, func(list []*offer) []*offer {
		at, _ := slices.BinarySearchFunc(list, o.seq, func(o *offer, seq int64) int { return cmp.Compare(o.seq, seq) })
		return slices.Insert(list, at, o)
	})
}

// replace changes a task that is on offer, and no other.
func (s *offers) replace(o *offer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.all())
	if at := slices.IndexFunc(list, func(other *offer) bool { return other.task.ID == o.task.ID }); at >= 0 {
		list[at] = o
		s.list.Store(&list)
	}
}

// bundled notes another bundle of a task, if it is on offer.
func (s *offers) bundled(id, digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.all())
	if at := slices.IndexFunc(list, func(o *offer) bool { return o.task.ID == id }); at >= 0 {
		changed := *list[at]
		changed.task.Bundle = digest
		list[at] = &changed
		s.list.Store(&list)
	}
}

// remove takes a task off.
func (s *offers) remove(id string) {
	s.change(id, func(list []*offer) []*offer { return list })
}

// change stores what with makes of the offers without that of the task id.
func (s *offers) change(id string, with func([]*offer) []*offer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*offer, 0, len(s.all())+1)
	for _, o := range s.all() {
		if o.task.ID != id {
			list = append(list, o)
		}
	}
	list = with(list)
	s.list.Store(&list)
}
