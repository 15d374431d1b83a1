package cloudtaskmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// clientsFor is how long the clients are remembered: somebody types a criterion
	// and wants to see at each pause whom it selects.
	clientsFor = 3 * time.Second
	// clientsTime bounds the questions for all of them.
	clientsTime = 10 * time.Second
	// clientsPage is how many are asked for at once.
	clientsPage = 1000
)

// candidate is a client as criteria see it.
type candidate struct {
	id    string
	attrs map[string]any
}

// userList is [contract.UserList] with the users as they came.
type userList struct {
	Users []json.RawMessage `json:"users"`
	Next  string            `json:"next"`
	Total int               `json:"total"`
}

// candidates reads the users of a page.
func (l userList) candidates() ([]candidate, error) {
	all := make([]candidate, len(l.Users))
	for i, raw := range l.Users {
		var u user
		if err := json.Unmarshal(raw, &u); err != nil {
			return nil, fmt.Errorf("read a client that the user manager lists: %w", err)
		}
		all[i] = candidate{u.ID, names(u)}
	}
	return all, nil
}

var listUsers = contract.Function[contract.ListRequest, userList]{Name: contract.ListUsers.Name, Idempotent: contract.ListUsers.Idempotent}

// clients remembers all clients for a short while. Those who ask meanwhile wait
// for one answer.
type clients struct {
	turn keyLock
	mu   sync.Mutex
	all  []candidate
	at   time.Time
}

// recent returns what is remembered, if it is not too old.
func (c *clients) recent() ([]candidate, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || time.Since(c.at) > clientsFor {
		c.all = nil
		return nil, false
	}
	return c.all, true
}

func (c *clients) remember(all []candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all, c.at = all, time.Now()
}

// allClients returns the clients that the user manager knows, by id; the caller
// must not change them.
func (s *Service) allClients(ctx context.Context) ([]candidate, error) {
	ctx, cancel := context.WithTimeout(ctx, clientsTime)
	defer cancel()
	if all, ok := s.clients.recent(); ok {
		return all, nil
	}
	done, err := s.clients.turn.lock(ctx, "")
	if err != nil {
		return nil, rpc.Errorf(rpc.Deadline, "the clients are being asked for by another call, and have not come in time: %w", context.Cause(ctx))
	}
	defer done()
	if all, ok := s.clients.recent(); ok {
		return all, nil
	}
	all, err := s.readClients(ctx)
	if err == nil {
		s.clients.remember(all)
	}
	return all, err
}

// readClients asks for all pages; each is read while the next one is on its way.
func (s *Service) readClients(ctx context.Context) ([]candidate, error) {
	var pages []*[]candidate
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for req := (contract.ListRequest{Limit: clientsPage}); ; {
			page, err := s.pageOfClients(ctx, req)
			if err != nil {
				return err
			}
			into := new([]candidate)
			pages = append(pages, into)
			g.Go(func() (err error) {
				*into, err = page.candidates()
				return err
			})
			if req.After = page.Next; page.Next == "" {
				return nil
			}
		}
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []candidate
	for _, page := range pages {
		all = append(all, *page...)
	}
	return all, nil
}

// pageOfClients asks the user manager for a page of clients.
func (s *Service) pageOfClients(ctx context.Context, req contract.ListRequest) (userList, error) {
	page, err := rpc.Call(ctx, s.opt.Base.Transport, listUsers, req)
	if err != nil {
		return page, rpc.Errorf(rpc.CodeOf(err), "ask the user manager for the clients: %w", err)
	}
	return page, nil
}
