package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// maxClients bounds how many clients can have been seen, and maxSeenAtOnce how many
	// of them a transaction writes.
	maxClients    = 200_000
	maxSeenAtOnce = 500
)

// ErrTooManyClients means that more clients have reported than are kept in mind.
var ErrTooManyClients = errors.New("too many clients were seen already: those that stay away are forgotten after the retention")

// ClientView is what is known of a client.
type ClientView struct {
	LastSeen float64               `json:"last_seen"`       // unix seconds; 0: never
	State    *contract.ClientState `json:"state,omitempty"` // the last that it told; nil: none
}

// presence is when each client was last seen. It is in memory; the file follows.
type presence struct {
	mu    sync.Mutex
	at    map[string]float64
	dirty map[string]bool // not yet in the file
}

func newPresence() *presence { return &presence{at: map[string]float64{}, dirty: map[string]bool{}} }

// load reads which clients were seen after a time.
func (p *presence) load(ctx context.Context, q database.Querier, after float64) error {
	rows, err := q.QueryContext(ctx, "SELECT client, at FROM seen WHERE at > ?", after)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var client string
		var at float64
		if err := rows.Scan(&client, &at); err != nil {
			return err
		}
		p.mu.Lock()
		p.at[client] = max(p.at[client], at)
		p.mu.Unlock()
	}
	return rows.Err()
}

// since counts the clients that were seen after a time.
func (p *presence) since(at float64) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, seen := range p.at {
		if seen > at {
			n++
		}
	}
	return n
}

// those lists the clients that were seen after a time.
func (p *presence) those(at float64) (clients []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for client, seen := range p.at {
		if seen > at {
			clients = append(clients, client)
		}
	}
	slices.Sort(clients)
	return clients
}

// SeenSince lists the clients that were seen after a time, in unix seconds.
func (s *Store) SeenSince(at float64) []string { return s.seen.those(at) }

func (p *presence) get(client string) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[client]
}

// forget drops up to n clients that were not seen since a time, and returns them.
func (p *presence) forget(before float64, n int) (gone []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for client, at := range p.at {
		if at < before && len(gone) < n {
			gone = append(gone, client)
			delete(p.at, client)
			delete(p.dirty, client)
		}
	}
	return gone
}

// Seen notes that a client was there at a time, in unix seconds. It is known at
// once, and written to the file by [Store.Run] every few seconds, and by Close.
func (s *Store) Seen(_ context.Context, client string, at float64) error {
	if client == "" || len(client) > maxName {
		return fmt.Errorf("a client was seen whose id has %d bytes: it must have 1 to %d", len(client), maxName)
	}
	at = min(at, s.now()) // nobody is seen in the future
	p := s.seen
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.at[client]
	if !known && len(p.at) >= maxClients {
		return ErrTooManyClients
	}
	if !known || at > before {
		p.at[client] = at
		p.dirty[client] = true
	}
	return nil
}

// writeSeen brings the file up to what is known, in steps.
func (s *Store) writeSeen(ctx context.Context) error {
	p := s.seen
	for {
		p.mu.Lock()
		some := map[string]float64{}
		for client := range p.dirty {
			some[client] = p.at[client]
			delete(p.dirty, client)
			if len(some) == maxSeenAtOnce {
				break
			}
		}
		p.mu.Unlock()
		if len(some) == 0 {
			return nil
		}
		var args []any
		for _, client := range slices.Sorted(maps.Keys(some)) { // in one order: others write them, too
			args = append(args, client, some[client])
		}
		query := sqlSeen + strings.Repeat(sqlSeenMore, len(some)-1) + sqlSeenLast
		err := s.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		})
		if err != nil {
			p.mu.Lock()
			for client := range some {
				p.dirty[client] = true
			}
			p.mu.Unlock()
			return fmt.Errorf("write which clients were seen: %w", err)
		}
	}
}

// Client returns what is known of a client; false if nothing is.
func (s *Store) Client(ctx context.Context, id string) (ClientView, bool, error) {
	views, err := s.Clients(ctx, []string{id})
	if err != nil {
		return ClientView{}, false, err
	}
	v, ok := views[id]
	return v, ok, nil
}

// Clients returns what is known of some clients; those that nothing is known of
// are not in the map.
func (s *Store) Clients(ctx context.Context, ids []string) (map[string]ClientView, error) {
	views := make(map[string]ClientView, len(ids))
	for _, id := range ids {
		if at := s.seen.get(id); at != 0 {
			views[id] = ClientView{LastSeen: at}
		}
	}
	for some := range slices.Chunk(ids, 500) {
		if err := s.states(ctx, some, views); err != nil {
			return nil, fmt.Errorf("read the states of clients: %w", err)
		}
	}
	return views, nil
}

func (s *Store) states(ctx context.Context, ids []string, views map[string]ClientView) error {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT client, state FROM states WHERE client IN (?"+strings.Repeat(", ?", len(ids)-1)+")", args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var b []byte
			if err := rows.Scan(&id, &b); err != nil {
				return err
			}
			v := views[id]
			if err := json.Unmarshal(b, &v.State); err != nil {
				return fmt.Errorf("decode the state of client %s: %w", id, err)
			}
			views[id] = v
		}
		return rows.Err()
	})
}
