package cloudtaskmanager

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxChanges bounds the changes that are kept for gateways that are away, and
	// maxConcerned the clients that they name together.
	maxChanges   = 256
	maxConcerned = 100_000
)

// feed keeps the last changes of tasks for those who await them. It lasts as long
// as the service's process: its name tells one from the next.
type feed struct {
	mu      sync.Mutex
	name    string
	next    int64    // the seq of the last change
	lost    int64    // the seq of the last one that is forgotten
	changes []change // the last of them, in their order
	named   int      // the clients that these name
	more    chan struct{}
	closed  bool
}

// change is a [contract.TaskChange] that happened at a time, and that may still have
// to find out whom it concerns.
type change struct {
	contract.TaskChange
	at   time.Time
	find func() (ids []string, all bool) // nil: it is known
}

func newFeed() *feed { return &feed{name: uuid.NewString(), more: make(chan struct{})} }

// push puts a change behind the others. find, unless nil, is called at most once,
// by whoever asks first: it may take its time.
func (f *feed) push(c contract.TaskChange, find func() (ids []string, all bool)) {
	if find != nil {
		find = sync.OnceValues(find)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.Seq = f.next + 1
	f.append(change{c, time.Now(), find})
}

// append is push of a change that has its place. mu is held.
func (f *feed) append(c change) {
	f.next = c.Seq
	f.changes = append(f.changes, c)
	f.named += len(c.Clients)
	f.bound()
	close(f.more)
	f.more = make(chan struct{})
}

// add is push for a change of a table that others read too; one that is not told
// only takes its place.
func (f *feed) add(c change, tell bool) {
	if c.find != nil {
		c.find = sync.OnceValues(c.find)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(f.changes) == 0 && f.next == 0:
		f.lost = c.Seq - 1
	case c.Seq <= f.next:
		return // it is there
	case c.Seq > f.next+1:
		f.lost, f.changes, f.named = c.Seq-1, nil, 0
	}
	if f.next = c.Seq; tell {
		f.append(c)
	}
}

// begin gives the feed the name of a table that has come to head. What it holds
// beyond that is no more.
func (f *feed) begin(name string, head int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.name = name; f.next > head {
		f.next, f.changes, f.named = 0, nil, 0
	}
}

// bound forgets the oldest, but never the newest. mu is held.
func (f *feed) bound() {
	for len(f.changes) > maxChanges || f.named > maxConcerned && len(f.changes) > 1 {
		f.named -= len(f.changes[0].Clients)
		f.lost = f.changes[0].Seq
		f.changes = f.changes[1:]
	}
}

// since returns what came after a place of a feed, which may be another one, and
// a channel that is closed when there is more.
func (f *feed) since(name string, after int64) (answer contract.Changes, found []change, more <-chan struct{}, closed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer = contract.Changes{Feed: f.name, Next: f.next, Changes: []contract.TaskChange{}}
	switch {
	case name == "": // of the place alone
		return answer, nil, f.more, f.closed
	case name != f.name:
		after = 0
	}
	for _, c := range f.changes {
		if c.Seq > after {
			found = append(found, c)
		}
	}
	answer.Missed = after < f.lost
	return answer, found, f.more, f.closed
}

// settle keeps whom a change concerns, when that was found out.
func (f *feed) settle(c contract.TaskChange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.changes {
		if old := &f.changes[i]; old.Seq == c.Seq && old.find != nil {
			*old = change{TaskChange: c, at: old.at}
			f.named += len(c.Clients)
			f.bound()
			return
		}
	}
}

// close sends those home who await changes.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	close(f.more)
	f.more = make(chan struct{})
}

// awaitChanges answers when there is a change after the place that is asked for.
func (s *Service) awaitChanges(ctx context.Context, req contract.AwaitChangesRequest) (contract.Changes, error) {
	wait := time.NewTimer(time.Duration(req.Wait * float64(time.Second)))
	defer wait.Stop()
	for {
		answer, found, more, closed := s.feed.since(req.Feed, req.After)
		for _, c := range found {
			if c.find != nil {
				c.Clients, c.All = c.find()
				s.feed.settle(c.TaskChange)
			}
			c.Age = time.Since(c.at).Seconds()
			answer.Changes = append(answer.Changes, c.TaskChange)
		}
		if len(found) > 0 || answer.Missed || req.Feed != answer.Feed {
			return answer, nil
		}
		if closed {
			return answer, rpc.Errorf(rpc.Unavailable, "the service is stopping: nothing changes here any more")
		}
		select {
		case <-more:
		case <-wait.C:
			return answer, nil
		case <-ctx.Done():
			return answer, rpc.Errorf(rpc.Deadline, "nothing has changed in time: %w", context.Cause(ctx))
		}
	}
}

// notify tells that something happened to a task; of a stop, to which execution. Whom the end of an offer
// concerns is who had it in its last answer, now: the next one will not hold it.
//
// Where several managers share the database the change is in a table, by the
// transaction that made it, and comes from there.
func (s *Service) notify(what, taskID, executionID string) {
	if s.shared != nil {
		return
	}
	c := contract.TaskChange{Task: taskID, Change: what, Execution: executionID}
	switch what {
	case contract.ChangeStopped, contract.ChangeEnded:
		c.Clients, c.All = s.seen.had(taskID)
		s.feed.push(c, nil)
		return
	}
	o := s.offers.Get(taskID)
	if o == nil {
		return // of a task that does not run nobody knows
	}
	s.feed.push(c, func() ([]string, bool) { return s.seen.may(o) })
}
