package history

import (
	"context"
	"database/sql"
	"maps"
	"sync"

	"github.com/agata-fl/agata/internal/database"
)

// names are the numbers of clients, tasks and services: events and counts are
// many, and bear these instead. All are in memory. 0 is "".
type names struct {
	mu     sync.RWMutex
	byName map[string]int64
	byID   map[int64]string
	last   int64   // the greatest that was loaded
	gone   []int64 // removed, but a reader may still hold a row that bears one
}

func newNames() *names {
	return &names{byName: map[string]int64{"": 0}, byID: map[int64]string{0: ""}}
}

// reload forgets all, and reads them anew.
func (n *names) reload(ctx context.Context, q database.Querier) error {
	n.mu.Lock()
	n.byName, n.byID, n.gone, n.last = map[string]int64{"": 0}, map[int64]string{0: ""}, nil, 0
	n.mu.Unlock()
	return n.load(ctx, q)
}

// load reads those that came since the last load.
func (n *names) load(ctx context.Context, q database.Querier) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	rows, err := q.QueryContext(ctx, "SELECT id, name FROM names WHERE id > ?", n.last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		n.byName[name], n.byID[id] = id, name
		n.last = max(n.last, id)
	}
	return rows.Err()
}

// find returns the number of a name; a name that no event has has none.
func (n *names) find(name string) (int64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	id, ok := n.byName[name]
	return id, ok
}

// name returns the name of a number.
func (n *names) name(id int64) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byID[id]
}

// naming gives numbers within one transaction; they count when it is committed.
type naming struct {
	names  *names
	insert *sql.Stmt
	fresh  map[string]int64
}

func (n *naming) id(ctx context.Context, name string) (int64, error) {
	if id, ok := n.names.find(name); ok {
		return id, nil
	}
	if id, ok := n.fresh[name]; ok {
		return id, nil
	}
	var id int64
	if err := n.insert.QueryRowContext(ctx, name).Scan(&id); err != nil {
		return 0, err
	}
	if n.fresh == nil {
		n.fresh = map[string]int64{}
	}
	n.fresh[name] = id
	return id, nil
}

func (n *naming) committed() {
	if len(n.fresh) == 0 {
		return
	}
	n.names.mu.Lock()
	defer n.names.mu.Unlock()
	maps.Copy(n.names.byName, n.fresh)
	for name, id := range n.fresh {
		n.names.byID[id] = name
	}
}

// forget drops names that were removed. What reads events at this moment may
// still ask for their numbers, until release.
func (n *names) forget(ids []int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range ids {
		delete(n.byName, n.byID[id])
	}
	n.gone = append(n.gone, ids...)
}

// release drops the numbers of names that were forgotten.
func (n *names) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range n.gone {
		delete(n.byID, id)
	}
	n.gone = nil
}
