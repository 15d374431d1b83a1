package access

import (
	"context"
	"database/sql"
	"errors"
	"regexp"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// maxOperators bounds the accounts.
const maxOperators = 1000

// Account is an operator's.
type Account struct {
	Name     string        `json:"name"`
	Role     contract.Role `json:"role"`
	Created  float64       `json:"created"`             // unix seconds
	SignedIn float64       `json:"signed_in,omitempty"` // the last time, in unix seconds; 0: never
}

// Change is what changes about an account; nil: nothing.
type Change struct {
	Role     *contract.Role
	Password *string
	// Keep is the token with which the account's own holder changes the password;
	// "" if somebody else does.
	Keep string
}

var operatorName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// CheckName tells what is wrong with an account's name, if something is.
func CheckName(name string) error {
	if !operatorName.MatchString(name) {
		return rpc.Errorf(rpc.Invalid, "name: use small letters, digits, '.', '_' and '-', begin with a letter or digit; 64 at most")
	}
	return nil
}

func checkRole(role contract.Role) error {
	if !role.Covers(contract.RoleViewer) {
		return rpc.Errorf(rpc.Invalid, "role: it is none of viewer, operator, admin")
	}
	return nil
}

// AddOperator makes an account.
func (s *Store) AddOperator(ctx context.Context, name string, role contract.Role, password string) error {
	for _, err := range []error{CheckName(name), checkRole(role), CheckPassword(name, password)} {
		if err != nil {
			return err
		}
	}
	p, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		var count, taken int
		if err := tx.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE name = ?) FROM operators", name).Scan(&count, &taken); err != nil {
			return err
		}
		if taken > 0 {
			return rpc.Errorf(rpc.Conflict, "there is an operator %s already", name)
		}
		if count >= maxOperators {
			return rpc.Errorf(rpc.Conflict, "there are %d operators, and no more than that are allowed", count)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO operators (name, role, salt, hash, memory_kib, passes, threads, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			name, role, p.salt, p.sum, p.memoryKiB, p.passes, p.threads, s.nowMS())
		return err
	})
}

// Operators lists the accounts by name.
func (s *Store) Operators(ctx context.Context) ([]Account, error) {
	list := []Account{}
	err := s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT name, role, created_ms, signed_in_ms FROM operators ORDER BY name")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a Account
			var created, signedIn int64
			if err := rows.Scan(&a.Name, &a.Role, &created, &signedIn); err != nil {
				return err
			}
			a.Created, a.SignedIn = seconds(created), seconds(signedIn)
			list = append(list, a)
		}
		return rows.Err()
	})
	return list, err
}

// HasOperator tells whether a name is an account's.
func (s *Store) HasOperator(ctx context.Context, name string) (known bool, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		return q.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM operators WHERE name = ?)", name).Scan(&known)
	})
	return known, err
}

// ChangeOperator changes an account. Another role holds at once. A new password
// ends its sessions; if its holder has set it, all but the one in use, else its
// API tokens too. The last admin stays one.
func (s *Store) ChangeOperator(ctx context.Context, name string, c Change) error {
	var p hashed
	if c.Role != nil {
		if err := checkRole(*c.Role); err != nil {
			return err
		}
	}
	if c.Password != nil {
		if err := CheckPassword(name, *c.Password); err != nil {
			return err
		}
		var err error
		if p, err = s.hasher.hash(ctx, *c.Password); err != nil {
			return err
		}
	}
	return s.update(ctx, func(tx *sql.Tx) error {
		if err := s.exists(ctx, tx, name); err != nil {
			return err
		}
		if c.Role != nil {
			if *c.Role != contract.RoleAdmin {
				if err := s.another(ctx, tx, name); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, "UPDATE operators SET role = ? WHERE name = ?", *c.Role, name); err != nil {
				return err
			}
		}
		if c.Password == nil {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "UPDATE operators SET salt = ?, hash = ?, memory_kib = ?, passes = ?, threads = ? WHERE name = ?",
			p.salt, p.sum, p.memoryKiB, p.passes, p.threads, name); err != nil {
			return err
		}
		keep := digestOf(c.Keep)
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE operator = ? AND hash <> ?", name, keep[:]); err != nil {
			return err
		}
		if c.Keep != "" {
			return nil
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE operator = ?", name)
		return err
	})
}

// RemoveOperator removes an account with its sessions and API tokens. The last
// admin stays.
func (s *Store) RemoveOperator(ctx context.Context, name string) error {
	return s.update(ctx, func(tx *sql.Tx) error {
		if err := s.exists(ctx, tx, name); err != nil {
			return err
		}
		if err := s.another(ctx, tx, name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM operators WHERE name = ?", name)
		return err
	})
}

func (s *Store) exists(ctx context.Context, tx *sql.Tx, name string) error {
	var one int
	err := tx.QueryRowContext(ctx, "SELECT 1 FROM operators WHERE name = ?", name).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return rpc.Errorf(rpc.NotFound, "there is no operator %s", name)
	}
	return err
}

// another refuses if the account is the only admin.
func (s *Store) another(ctx context.Context, tx *sql.Tx, name string) error {
	var admin, others int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FILTER (WHERE name = ?1), count(*) FILTER (WHERE name <> ?1) FROM operators WHERE role = 'admin'", name).Scan(&admin, &others); err != nil {
		return err
	}
	if admin > 0 && others == 0 {
		return rpc.Errorf(rpc.Conflict, "%s is the last admin: make another one first", name)
	}
	return nil
}
