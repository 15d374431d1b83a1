package audit

import (
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Head names the last entry of a log; the zero Head is that of an empty one.
type Head struct {
	Seq  int64
	Hash string
}

// String is the head as SEQ:HASH, as it is kept elsewhere.
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// ParseHead reads what String wrote.
func ParseHead(text string) (Head, error) {
	seq, hash, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !ok || err != nil || n < 0 || len(hash) != 64 && n > 0 {
		return Head{}, fmt.Errorf("%q is not a head of an audit log, such as 12:0a4f...", text)
	}
	return Head{n, hash}, nil
}

func headPath(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".head" }

type headFile struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
	Seal string `json:"seal"`
}

func (h Head) seal(key []byte) string {
	return digest([]byte("head "+h.String()), key, len(key) > 0)
}

// storedHead is a head as it was found beside a log.
type storedHead struct {
	Head
	found bool
	keyed bool // its seal is an HMAC
}

func readHead(path string, key []byte) (h storedHead, err error) {
	b, err := os.ReadFile(headPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	var f headFile
	if err := json.Unmarshal(b, &f); err != nil {
		return h, fmt.Errorf("%s is damaged: %w", headPath(path), err)
	}
	if again, err := json.Marshal(f); err != nil || !bytes.Equal(bytes.TrimSuffix(b, []byte("\n")), again) {
		return h, fmt.Errorf("%s was altered", headPath(path))
	}
	h = storedHead{Head: Head{f.Seq, f.Hash}, found: true}
	h.keyed = len(key) > 0 && hmac.Equal([]byte(f.Seal), []byte(h.seal(key)))
	// One that was written before there was a key stands until the next entry.
	if !h.keyed && !hmac.Equal([]byte(f.Seal), []byte(h.seal(nil))) {
		return h, fmt.Errorf("%s was altered, or made with another key", headPath(path))
	}
	return h, nil
}

// fits tells whether the head can be that of a log whose last entry is e.
func (h storedHead) fits(path string, e Entry) error {
	switch {
	case e.Seq < h.Seq:
		return fmt.Errorf("it ends with entry %d, and there were %d: the last ones are gone", e.Seq, h.Seq)
	case e.Seq > 0 && !h.found:
		return fmt.Errorf("its head, %s, is gone", headPath(path))
	case e.Keyed && !h.keyed && e.Seq == h.Seq:
		return fmt.Errorf("its head, %s, was made without the key", headPath(path))
	}
	return nil
}

func writeHead(path string, h Head, key []byte) error {
	b, err := json.Marshal(headFile{h.Seq, h.Hash, h.seal(key)})
	if err != nil {
		return err
	}
	tmp := headPath(path) + ".new"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, headPath(path))
}
