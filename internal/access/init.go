package access

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Init closes a cloud: it makes the key that the cloud's services share and the
// first admin, in the data folder or, if there is one, the database. A key that is there stays. Where operators are
// already, the error is Conflict unless the name and password are an admin's: so
// what broke off can be done again. The cloud's services notice at their next
// start.
func Init(ctx context.Context, dataDir string, server database.Server, keyFile, name, password string) (err error) {
	for _, err := range []error{CheckName(name), CheckPassword(name, password)} {
		if err != nil {
			return err
		}
	}
	s, err := Open(ctx, filepath.Join(dataDir, File), Options{Database: server})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	operators, err := s.Operators(ctx)
	if err != nil {
		return err
	}
	if len(operators) == 0 {
		// A key without an admin lets nobody in, until this is done again; an admin
		// without a key would leave the cloud open.
		if err := makeKey(keyFile); err != nil {
			return err
		}
		return s.AddOperator(ctx, name, contract.RoleAdmin, password)
	}
	if err := s.VerifyPassword(ctx, name, password); rpc.CodeOf(err) == rpc.Unauthorized {
		return rpc.Errorf(rpc.Conflict, "there are operators in %s already: an admin adds further ones with `agata operator add`", s.db.Path())
	} else if err != nil {
		return err
	}
	for _, o := range operators {
		if o.Name == name && o.Role != contract.RoleAdmin {
			return rpc.Errorf(rpc.Conflict, "%s is no admin", name)
		}
	}
	return makeKey(keyFile)
}

// makeKey writes 32 random bytes, in hexadecimal, for the cloud's services alone.
// It never replaces a key, and never leaves a part of one.
func makeKey(path string) (err error) {
	if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return keyError(path, err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return keyError(path, err)
	}
	f, err := os.CreateTemp(dir, ".cloud.key-*") // mode 0600
	if err != nil {
		return keyError(path, err)
	}
	defer func() { err = errors.Join(err, keyError(path, os.Remove(f.Name()))) }()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return keyError(path, err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return keyError(path, err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return keyError(path, err)
	}
	return keyError(path, errors.Join(d.Sync(), d.Close()))
}

func keyError(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("make the cloud's key %s: %w", path, err)
}
