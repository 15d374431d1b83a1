package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/agata-fl/agata/internal/criteria"
	"github.com/agata-fl/agata/pkg/contract"
)

// Offer is a running task as clients get it, with its criteria ready to ask. It
// does not change.
type Offer struct {
	Seq  int64 // the order of creation
	Task contract.OfferedTask

	criteria *criteria.Expr
}

// NewOffer compiles the selection criteria of a task.
func NewOffer(seq int64, task contract.OfferedTask, selection string) (*Offer, error) {
	expr, err := criteria.Compile(selection)
	if err != nil {
		return nil, fmt.Errorf("compile the selection criteria of task %s: %w", task.ID, err)
	}
	return &Offer{Seq: seq, Task: task, criteria: expr}, nil
}

// Offers holds the running tasks in the order of their creation. The zero value
// holds none. Readers get a list that never changes; a change makes a new one.
type Offers struct {
	mu   sync.Mutex // one change at a time
	list atomic.Pointer[[]*Offer]
}

// All returns the offers; the caller must not change the list.
func (s *Offers) All() []*Offer {
	if list := s.list.Load(); list != nil {
		return *list
	}
	return nil
}

// Get returns a task's offer; nil if it is not on offer.
func (s *Offers) Get(id string) *Offer {
	for _, o := range s.All() {
		if o.Task.ID == id {
			return o
		}
	}
	return nil
}

// Fits tells whether a client with these attributes may run the task.
func (o *Offer) Fits(attrs map[string]any) bool {
	ok, err := o.criteria.Eval(attrs)
	return ok && err == nil
}

// Select returns the tasks that a client with these attributes may run, oldest
// first and never null. A criterion that cannot be evaluated for the client only
// keeps its own task back. The error is that of ctx.
func (s *Offers) Select(ctx context.Context, attrs map[string]any) ([]contract.OfferedTask, error) {
	tasks := []contract.OfferedTask{}
	client := criteria.NewEvaluator(attrs)
	for _, o := range s.All() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if ok, err := client.Eval(o.criteria); ok && err == nil {
			tasks = append(tasks, o.Task)
		}
	}
	return tasks, nil
}

// Add puts a task on offer.
func (s *Offers) Add(o *Offer) {
	s.change(o.Task.ID, func(list []*Offer) []*Offer {
		at, _ := slices.BinarySearchFunc(list, o.Seq, func(o *Offer, seq int64) int { return cmp.Compare(o.Seq, seq) })
		return slices.Insert(list, at, o)
	})
}

// Replace changes a task that is on offer, and no other.
func (s *Offers) Replace(o *Offer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.All())
	if at := slices.IndexFunc(list, func(other *Offer) bool { return other.Task.ID == o.Task.ID }); at >= 0 {
		list[at] = o
		s.list.Store(&list)
	}
}

// Bundled notes another bundle of a task, if it is on offer.
func (s *Offers) Bundled(id, digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.All())
	if at := slices.IndexFunc(list, func(o *Offer) bool { return o.Task.ID == id }); at >= 0 {
		changed := *list[at]
		changed.Task.Bundle = digest
		list[at] = &changed
		s.list.Store(&list)
	}
}

// Remove takes a task off.
func (s *Offers) Remove(id string) {
	s.change(id, func(list []*Offer) []*Offer { return list })
}

// change stores what with makes of the offers without that of the task id.
func (s *Offers) change(id string, with func([]*Offer) []*Offer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Offer, 0, len(s.All())+1)
	for _, o := range s.All() {
		if o.Task.ID != id {
			list = append(list, o)
		}
	}
	list = with(list)
	s.list.Store(&list)
}
