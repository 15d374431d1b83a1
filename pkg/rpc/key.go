package rpc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// keyBytes is the length of a key.
const keyBytes = 32

// Key is the secret that the cloud's services share. It shows itself to nobody:
// printed, logged or encoded it is a word.
type Key struct{ secret *[keyBytes]byte }

// NewKey makes a key of 32 bytes.
func NewKey(secret []byte) (Key, error) {
	if len(secret) != keyBytes {
		return Key{}, fmt.Errorf("a key has %d bytes, not %d", keyBytes, len(secret))
	}
	return Key{secret: (*[keyBytes]byte)(append([]byte(nil), secret...))}, nil
}

// LoadKey reads a key file: 64 hexadecimal digits, with blanks around them or not.
// Its errors say what to do and never what is in the file.
func LoadKey(path string) (Key, error) {
	const makeIt = "make it and the first admin with `agata operator init NAME`, or copy it from the cloud's other services (auth.key_file)"
	fail := func(err error) (Key, error) { return Key{}, fmt.Errorf("read the cloud's key %s: %w", path, err) }
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fail(fmt.Errorf("it is not there: %s: %w", makeIt, fs.ErrNotExist))
	}
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return fail(err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != keyBytes {
		return fail(fmt.Errorf("it is not %d hexadecimal digits: %s", 2*keyBytes, makeIt))
	}
	return NewKey(secret)
}

// Derive makes a secret of its own for a purpose, from which nobody finds the key;
// nil if there is none.
func (k Key) Derive(purpose string) []byte {
	if k.IsZero() {
		return nil
	}
	h := hmac.New(sha256.New, k.secret[:])
	h.Write([]byte("derive\x00" + purpose))
	return h.Sum(nil)
}

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k.secret == nil }

// String does not tell the key.
func (k Key) String() string { return "[key]" }

// GoString does not tell the key.
func (k Key) GoString() string { return "[key]" }
