package cloudtaskmanager

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// tailAgain is how often the table of changes is read when nobody says that there is
// one.
const tailAgain = time.Second

// tail is how far this manager has come in the table of changes: what it offers is
// what the record said after change seq, or later. It alone changes what is on offer.
type tail struct {
	kick chan struct{} // has room for one: there may be more

	mu    sync.Mutex
	seq   int64
	moved chan struct{} // closed when seq grows
}

func (t *tail) at() (seq int64, moved <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seq, t.moved
}

func (t *tail) reach(seq int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq = seq
	close(t.moved)
	t.moved = make(chan struct{})
}

// wake has the table read now.
func (t *tail) wake() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// followChanges keeps up with the table of changes until ctx ends.
func (s *Service) followChanges(ctx context.Context) {
	if s.shared == nil {
		return
	}
	var listener sync.WaitGroup
	listener.Go(func() { s.store.db.Listen(ctx, changesChannel, s.shared.tail.wake) })
	defer listener.Wait()
	for well := true; ; {
		err := s.catchUp(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err == nil) != well {
			if well = err == nil; well {
				s.log.Info("changes of tasks are read again")
			} else {
				s.log.Warn("changes of tasks cannot be read now, and clients are offered none", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.shared.tail.kick:
		case <-time.After(tailAgain):
		}
	}
}

// catchUp reads the changes that there are.
func (s *Service) catchUp(ctx context.Context) error {
	for {
		at, _ := s.shared.tail.at()
		list, err := s.store.changes(ctx, at, maxChanges)
		if err != nil {
			return fmt.Errorf("read the changes of tasks: %w", err)
		}
		if len(list) == 0 {
			return s.wound(ctx, at)
		}
		if list[0].Seq != at+1 { // it was away for long
			return s.reload(ctx)
		}
		for _, c := range list {
			if err := s.apply(ctx, c); err != nil {
				return err
			}
			s.shared.tail.reach(c.Seq)
		}
		if len(list) < maxChanges {
			return nil
		}
	}
}

// wound begins anew if the table has gone back behind a place: a standby that did not
// have the last commits took over.
func (s *Service) wound(ctx context.Context, at int64) error {
	head, err := s.store.head(ctx)
	if err != nil || head >= at {
		return err
	}
	s.log.Warn("the database has lost its last commits; what is on offer is read anew", "was_at", at, "is_at", head)
	return s.reload(ctx)
}

// reload begins anew where the table is now.
func (s *Service) reload(ctx context.Context) error {
	head, err := s.store.head(ctx)
	if err != nil {
		return fmt.Errorf("read the changes of tasks: %w", err)
	}
	list, err := s.store.changes(ctx, max(0, head-maxChanges), maxChanges)
	if err != nil {
		return fmt.Errorf("read the changes of tasks: %w", err)
	}
	if err := s.loadRevoked(ctx); err != nil {
		return err
	}
	s.endRevoked()
	tasks, err := s.store.some(ctx, sqlOffered) // after head: what comes then is applied again
	if err != nil {
		return err
	}
	offered := map[string]bool{}
	for _, t := range tasks {
		offered[t.id] = true
		s.put(t)
	}
	for _, o := range s.offers.All() {
		if !offered[o.Task.ID] {
			s.offers.Remove(o.Task.ID)
		}
	}
	if err := s.meet(ctx); err != nil {
		return err
	}
	name, err := s.store.listName(ctx)
	if err != nil {
		return err
	}
	s.feed.begin(name, head)
	for _, c := range list {
		if c.Seq <= head {
			c.All = true // whom it concerned nobody knows any more
			s.feed.add(c, told(c.Change))
		}
	}
	s.shared.tail.reach(head)
	return nil
}

// told tells whether gateways are told of such a change.
func told(what string) bool {
	switch what {
	case contract.ChangeStarted, contract.ChangeUpdated, contract.ChangeStopped, contract.ChangeEnded:
		return true
	}
	return false
}

// apply takes in one change, which may be behind what the record says already.
func (s *Service) apply(ctx context.Context, c change) error {
	switch c.Change {
	case changeRevoked:
		if err := s.loadRevoked(ctx); err != nil {
			return err
		}
		s.endRevoked()
	case changeInstances:
		if err := s.meet(ctx); err != nil {
			return err
		}
	default:
		t, err := s.store.get(ctx, c.Task)
		if err != nil {
			return err
		}
		s.tidy(c.Task, t)
		if t != nil && t.offers() {
			s.put(t)
		} else {
			s.offers.Remove(c.Task)
		}
	}
	tell := told(c.Change)
	switch c.Change {
	case contract.ChangeStopped, contract.ChangeEnded:
		c.Clients, c.All = s.seen.had(c.Task)
	case contract.ChangeStarted, contract.ChangeUpdated:
		if o := s.offers.Get(c.Task); o != nil {
			c.find = func() ([]string, bool) { return s.seen.may(o) }
		} else {
			tell = false // of a task that does not run nobody knows
		}
	}
	s.feed.add(c, tell)
	return nil
}

// put offers a task as its record says. One whose offer cannot be made is offered to
// nobody.
func (s *Service) put(t *task) {
	o, err := s.offerOf(t)
	if err != nil {
		s.offers.Remove(t.id)
		s.log.Error("a task is offered to nobody: update its criteria, or look at its files", "task_id", t.id, "err", err)
		return
	}
	s.offers.Add(o)
}

// tidy deletes what is left here of an execution that is not its task's last any
// more; t is nil if the task is deleted.
func (s *Service) tidy(taskID string, t *task) {
	if last := s.runs.ended(taskID); last != nil && (t == nil || t.executionID != last.ID()) {
		s.runs.forget(taskID)
		s.discard(last)
	}
}

// meet notes whether there are other managers: each has seen the polls of some of
// the clients, and then a change concerns all.
func (s *Service) meet(ctx context.Context) error {
	others, err := s.store.others(ctx)
	if err == nil {
		s.seen.among(len(others) > 0)
	}
	return err
}
