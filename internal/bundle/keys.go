package bundle

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	maxList = 1 << 20
	maxKeys = 10_000
)

// Keys is an allow-list: the signers whose tasks may run. The zero Keys trusts
// nobody.
type Keys struct{ byID map[string]PublicKey }

// NewKeys is the list of some keys.
func NewKeys(keys ...PublicKey) Keys {
	list := Keys{byID: make(map[string]PublicKey, len(keys))}
	for _, k := range keys {
		list.byID[k.ID()] = k
	}
	return list
}

// Len is how many signers are trusted.
func (l Keys) Len() int { return len(l.byID) }

// ParseKeys reads an allow-list: a key a line, as [PublicKey.String] writes it;
// empty lines and those that begin with # are passed over. Its error wraps ErrKey
// and names the line.
func ParseKeys(text []byte) (Keys, error) {
	if len(text) > maxList || !utf8.Valid(text) {
		return Keys{}, fmt.Errorf("%w: a list is text of at most %d bytes", ErrKey, maxList)
	}
	list := NewKeys()
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := ParsePublicKey(line)
		if err != nil {
			return Keys{}, fmt.Errorf("line %d: %w", n, err)
		}
		if other, twice := list.byID[key.ID()]; twice {
			return Keys{}, fmt.Errorf("line %d: %w: it is there already, as %s", n, ErrKey, other.Name)
		}
		if list.Len() == maxKeys {
			return Keys{}, fmt.Errorf("line %d: %w: a list has at most %d", n, ErrKey, maxKeys)
		}
		list.byID[key.ID()] = key
	}
	return list, nil
}

// LoadKeys reads the file of an allow-list.
func LoadKeys(path string) (list Keys, err error) {
	f, err := os.Open(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read the allow-list of signers: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, maxList+1))
	if err != nil {
		return Keys{}, fmt.Errorf("read the allow-list of signers: %w", err)
	}
	if list, err = ParseKeys(text); err != nil {
		return Keys{}, fmt.Errorf("the allow-list of signers %s: %w", path, err)
	}
	return list, nil
}
