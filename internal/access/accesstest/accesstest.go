// Package accesstest gives tests a closed cloud's accounts, without the time that
// the hashing of passwords takes in each.
package accesstest

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/pkg/contract"
)

// Password is that of every operator.
const Password = "correct horse"

// made is a store's file, and the tokens that open it.
type made struct {
	file   []byte
	tokens map[string]string
}

// Write writes a store's file into a data folder and returns what each may show:
// the operators "viewer", "operator" and "admin", of these roles, a session's
// token; the clients "c1" and "c2" their credentials.
func Write(t testing.TB, data string) map[string]string {
	t.Helper()
	m, err := template()
	if err == nil {
		err = os.WriteFile(filepath.Join(data, access.File), m.file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return maps.Clone(m.tokens)
}

var template = sync.OnceValues(func() (m made, err error) {
	dir, err := os.MkdirTemp("", "agata-access-*")
	if err != nil {
		return m, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, access.File)
	if m.tokens, err = fill(path); err != nil {
		return m, err
	}
	m.file, err = os.ReadFile(path)
	return m, err
})

func fill(path string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := access.Open(ctx, path, access.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // folds everything into the one file
	tokens := map[string]string{}
	for _, role := range contract.Roles() {
		if err := s.AddOperator(ctx, string(role), role, Password); err != nil {
			return nil, err
		}
		in, err := s.SignIn(ctx, string(role), Password)
		if err != nil {
			return nil, err
		}
		tokens[string(role)] = in.Token
	}
	for _, client := range []string{"c1", "c2"} {
		token, _, err := s.NewEnrolment(ctx, "admin", client, time.Hour)
		if err != nil {
			return nil, err
		}
		if tokens[client], err = s.Enrol(ctx, token, client); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}
