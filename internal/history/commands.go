package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// maxPending is how many commands may wait for one client.
	maxPending = 100
	// keepCommands is how long commands are kept, in seconds; one that still waits
	// then has failed.
	keepCommands = 7 * 24 * 60 * 60.0
)

// ErrTooManyCommands means that a client has not fetched the commands before.
var ErrTooManyCommands = fmt.Errorf("%d commands wait for the client already: it fetches them when it is back", maxPending)

// ErrCommandExists means that another command has the id.
var ErrCommandExists = errors.New("there is a command with this id already: give each an id of its own")

// The states of a [CommandView].
const (
	CommandPending = "pending"
	CommandDone    = "done"
	CommandFailed  = "failed"
)

// CommandView is a command and what became of it.
type CommandView struct {
	contract.Command
	Client  string  `json:"client"`
	State   string  `json:"state"`           // pending, done or failed
	Error   string  `json:"error,omitempty"` // why it failed
	Created float64 `json:"created"`         // unix seconds
	Ended   float64 `json:"ended,omitempty"` // unix seconds; 0 while it waits
}

// Command puts a command for a client in the queue of those that wait. It fails
// with ErrTooManyCommands or ErrCommandExists.
func (s *Store) Command(ctx context.Context, client string, c contract.Command) error {
	for _, name := range []string{client, c.ID, c.Kind} {
		if name == "" || len(name) > maxName || len(c.Task) > maxName || len(c.Digest) > maxName {
			return fmt.Errorf("a command needs a client, an id and a kind of 1 to %d bytes, and no longer task or digest", maxName)
		}
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		var waiting int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM commands WHERE client = ? AND state = 'pending'", client).Scan(&waiting); err != nil {
			return fmt.Errorf("command client %s: %w", client, err)
		}
		if waiting >= maxPending {
			return fmt.Errorf("command client %s: %w", client, ErrTooManyCommands)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO commands ("+commandColumns+", client) VALUES (?, ?, ?, ?, 'pending', '', ?, 0, ?)",
			c.ID, c.Kind, c.Task, c.Digest, s.now(), client)
		if database.IsUnique(err) {
			err = ErrCommandExists
		}
		if err != nil {
			return fmt.Errorf("command client %s: %w", client, err)
		}
		return nil
	})
}

// Pending returns the commands that wait for a client, oldest first. They wait
// until Done tells of them.
func (s *Store) Pending(ctx context.Context, client string) ([]contract.Command, error) {
	rows, err := s.sql.pending.QueryContext(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("read the commands for client %s: %w", client, err)
	}
	defer rows.Close()
	commands := []contract.Command{}
	for rows.Next() {
		var c contract.Command
		if err := rows.Scan(&c.ID, &c.Kind, &c.Task, &c.Digest); err != nil {
			return nil, fmt.Errorf("read the commands for client %s: %w", client, err)
		}
		commands = append(commands, c)
	}
	return commands, rows.Err()
}

// Done notes how commands of a client went. Results of other clients' commands,
// and of those that ended already, change nothing.
func (s *Store) Done(ctx context.Context, client string, results []contract.CommandResult) error {
	if len(results) == 0 {
		return nil
	}
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, r := range results {
			state := CommandDone
			if r.Error != "" {
				state = CommandFailed
			}
			_, err := tx.ExecContext(ctx, "UPDATE commands SET state = ?, error = ?, ended = ? WHERE id = ? AND client = ? AND state = 'pending'",
				state, cut(r.Error, maxText), s.now(), r.ID, client)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note how commands of client %s went: %w", client, err)
	}
	return nil
}

// CommandState returns a command; false if there is none with the id.
func (s *Store) CommandState(ctx context.Context, id string) (v CommandView, found bool, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		return q.QueryRowContext(ctx, "SELECT "+commandColumns+", client FROM commands WHERE id = ?", id).
			Scan(&v.ID, &v.Kind, &v.Task, &v.Digest, &v.State, &v.Error, &v.Created, &v.Ended, &v.Client)
	})
	if ignoreNoRows(err) != nil {
		return CommandView{}, false, fmt.Errorf("read command %s: %w", id, err)
	}
	return v, err == nil, nil
}
