package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/contract"
)

// tokens are what a closed cloud's callers show.
type tokens struct {
	operator string
	clients  []string
}

// admit makes the cloud that is to come a closed one, if that is wanted: a key, an
// operator and a credential of each client.
func (r *run) admit(ctx context.Context) (t tokens, err error) {
	if !r.Closed {
		return t, nil
	}
	r.say("making %d credentials", r.Clients)
	key := filepath.Join(r.Dir, "cloud.key")
	if err := os.WriteFile(key, []byte(hex.EncodeToString(random())+"\n"), 0o600); err != nil {
		return t, err
	}
	r.Settings = append(r.Settings, "auth.key_file="+key)
	store, err := access.Open(ctx, filepath.Join(r.Dir, gateway, access.File), access.Options{})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	const name = "bench"
	if err := store.AddOperator(ctx, name, contract.RoleAdmin, hex.EncodeToString(random())); err != nil {
		return t, fmt.Errorf("make an operator: %w", err)
	}
	if t.operator, _, err = store.NewToken(ctx, name, "fleet", 24*time.Hour); err != nil {
		return t, fmt.Errorf("make the operator's token: %w", err)
	}
	for i := range r.Clients {
		token, _, err := store.NewEnrolment(ctx, name, ClientID(i), time.Hour)
		if err != nil {
			return t, fmt.Errorf("enrol client %d: %w", i, err)
		}
		credential, err := store.Enrol(ctx, token, ClientID(i))
		if err != nil {
			return t, fmt.Errorf("enrol client %d: %w", i, err)
		}
		t.clients = append(t.clients, credential)
	}
	return t, nil
}

// random is a secret.
func random() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}
