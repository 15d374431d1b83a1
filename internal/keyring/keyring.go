// Package keyring keeps what this machine shows a cloud: an operator's tokens, by
// the gateway that gave them, and a client's credential. Each is a file that only
// its owner can read; one that others can read is refused.
package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agata-fl/agata/internal/atomicfile"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 1 << 20

// Path is where an operator's tokens are by default: agata/credentials.json in
// $XDG_CONFIG_HOME, or in the folder that the system has for settings.
func Path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for settings: %w; set XDG_CONFIG_HOME", err)
	}
	return filepath.Join(dir, "agata", "credentials.json"), nil
}

// Token returns the token for a gateway's URL; "" if there is none.
func Token(path, gateway string) (string, error) {
	tokens, err := load(path)
	return tokens[normal(gateway)], err
}

// SetToken keeps a token for a gateway's URL; an empty one is forgotten.
func SetToken(path, gateway, token string) error {
	tokens, err := load(path)
	if err != nil {
		return err
	}
	if token == "" {
		delete(tokens, normal(gateway))
	} else {
		tokens[normal(gateway)] = token
	}
	b, err := json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return err
	}
	return write(path, append(b, '\n'))
}

// Credential reads a client's credential; "" if there is none.
func Credential(path string) (string, error) {
	b, err := read(path)
	return strings.TrimSpace(string(b)), err
}

// SetCredential keeps a client's credential.
func SetCredential(path, credential string) error { return write(path, []byte(credential+"\n")) }

// normal is a URL as two spellings of it agree.
func normal(gateway string) string { return strings.ToLower(strings.TrimRight(gateway, "/")) }

func load(path string) (map[string]string, error) {
	tokens := map[string]string{}
	b, err := read(path)
	if err != nil || len(b) == 0 {
		return tokens, err
	}
	if err := json.Unmarshal(b, &tokens); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; remove it and sign in again", path, err)
	}
	if tokens == nil { // the file says null
		tokens = map[string]string{}
	}
	return tokens, nil
}

// read reads a secret file; nothing if there is none.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others: chmod 600 %s", path, path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d bytes, more than a file of credentials", path, info.Size())
	}
	return os.ReadFile(path)
}

// write replaces a file at once. It is there for its owner only from the start.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := atomicfile.Write(path, content); err != nil {
		return fmt.Errorf("keep a credential: %w", err)
	}
	return nil
}
