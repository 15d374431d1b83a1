package cloudtaskmanager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/atomicfile"
)

// DefaultLease is how long a task manager counts as alive that was not heard of,
// unless Options.Lease says so.
const DefaultLease = 30 * time.Second

// shared is what a manager has besides, where several share one database. nil: it is
// alone.
type shared struct {
	id    string // of this manager for good, kept in its data folder
	host  string // for people
	lease time.Duration
	tail  tail
	head  head

	// Of those who keep the lease.
	unseen  map[string]int  // by instance: how often its mark in the work folder was missing
	missing map[string]bool // executions that were recorded as running here, and did not, at the last look
}

// newShared finds out which instance a data folder is, or makes it a new one: a
// manager that comes back to it finds its processes there.
func newShared(opt Options) (*shared, error) {
	if opt.Database.URL == "" {
		return nil, nil
	}
	s := &shared{lease: cmp.Or(opt.Lease, DefaultLease), unseen: map[string]int{}}
	s.tail.kick, s.tail.moved = make(chan struct{}, 1), make(chan struct{})
	s.head.turn = make(chan struct{}, 1)
	if name, err := os.Hostname(); err == nil {
		s.host = name
	}
	path := filepath.Join(opt.Data, "instance")
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		if s.id = strings.TrimSpace(string(text)); uuid.Validate(s.id) != nil {
			return nil, fmt.Errorf("%s holds no instance's id: delete it, and what runs here is ended", path)
		}
		return s, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("find out which instance this is: %w", err)
	}
	s.id = uuid.NewString()
	if err := os.MkdirAll(opt.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := atomicfile.Write(path, []byte(s.id+"\n")); err != nil {
		return nil, fmt.Errorf("become an instance: %w", err)
	}
	return s, nil
}

// me is the instance's id; "" of a manager that is alone.
func (s *shared) me() string {
	if s == nil {
		return ""
	}
	return s.id
}

// renewal is how often the lease is renewed.
func (s *shared) renewal() time.Duration { return s.lease / 3 }

// within is how long the others take to find that one is gone.
func (s *shared) within() time.Duration { return s.lease + s.renewal() }

// elsewhere tells whether a task's record says that it runs under another manager.
func (s *Service) elsewhere(t *task) bool {
	return s.shared != nil && t.state == stateRunning && t.owner != s.shared.id
}

// runsNow tells whether a task runs and nothing has decided its end.
func (s *Service) runsNow(t *task) bool {
	if s.shared != nil {
		return t.offers()
	}
	r := s.runs.get(t.id)
	return r != nil && r.verdict() == nil
}

// join makes this manager one of those that share the database: with a lease, and
// with all that is on offer.
func (s *Service) join(ctx context.Context) error {
	if s.shared == nil {
		return nil
	}
	if _, err := s.store.renew(ctx, s.shared.host, s.shared.lease); err != nil {
		return err
	}
	if err := s.leaveMark(); err != nil {
		return fmt.Errorf("leave a mark in the work folder: %w", err)
	}
	s.log.Info("is one of the task managers of its database", "instance", s.shared.id, "lease", s.shared.lease)
	return s.reload(ctx)
}

// part is the end of a manager. One that has left its tasks running gets a whole
// lease for its restart; one that has ended them is gone at once.
func (s *Service) part() {
	if s.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.shared.renewal())
	defer cancel()
	var err error
	if s.opt.KeepTasks {
		_, err = s.store.renew(ctx, s.shared.host, s.shared.lease)
	} else if err = s.store.part(ctx); err == nil {
		err = os.Remove(s.mark(s.shared.id))
	}
	if err != nil { // the others find out by the lease
		s.log.Warn("the other task managers could not be told of this one's end", "err", err)
	}
}
