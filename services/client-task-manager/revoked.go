package clienttaskmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/agata-fl/agata/internal/bundle"

	"github.com/agata-fl/agata/internal/atomicfile"
)

const (
	// maxRevoked is how many revocations a client keeps: twice what a cloud makes.
	maxRevoked     = 20_000
	maxRevokedFile = maxRevoked * 100
)

// revokedList are the bundles that must never run here any more. It is kept on
// disk: a client that restarts without a network still knows them.
type revokedList struct {
	path string

	mu      sync.Mutex
	digests map[string]bool
	dirty   bool // not all of it is on disk
}

type revokedDocument struct {
	Version int      `json:"version"`
	Digests []string `json:"digests"`
}

// openRevoked reads the list. One that cannot be read keeps the client from
// starting: it would run what must not run.
func openRevoked(data string) (*revokedList, error) {
	l := &revokedList{path: filepath.Join(data, "revoked.json"), digests: map[string]bool{}}
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of revoked bundles: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRevokedFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the list of revoked bundles: %w", err)
	}
	if l.digests, err = decodeRevoked(text); err != nil {
		return nil, fmt.Errorf("read the list of revoked bundles: %s: %w; the cloud tells it anew if you move the file away", l.path, err)
	}
	return l, nil
}

func decodeRevoked(text []byte) (map[string]bool, error) {
	if len(text) > maxRevokedFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxRevokedFile)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var doc revokedDocument
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || doc.Version != 1 || len(doc.Digests) > maxRevoked {
		return nil, fmt.Errorf("it is not a list of version 1 of at most %d digests", maxRevoked)
	}
	digests := make(map[string]bool, len(doc.Digests))
	for _, digest := range doc.Digests {
		if !bundle.ValidDigest(digest) {
			return nil, fmt.Errorf("%.80q is no digest", digest)
		}
		digests[digest] = true
	}
	return digests, nil
}

// check is errRevoked for a bundle that must not run; "" is none.
func (l *revokedList) check(digest string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.digests[digest] {
		return errRevoked
	}
	return nil
}

// add makes bundles known as revoked, at once, whether or not the list could then
// be written; an error says that a restart might forget them.
func (l *revokedList) add(digests ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, digest := range digests {
		switch {
		case !bundle.ValidDigest(digest):
			return fmt.Errorf("%.80q is no digest of a bundle", digest)
		case l.digests[digest]:
			continue
		case len(l.digests) >= maxRevoked:
			return fmt.Errorf("%d bundles are revoked here already, and no more fit", maxRevoked)
		}
		l.digests[digest], l.dirty = true, true
	}
	if !l.dirty {
		return nil
	}
	if err := l.save(); err != nil {
		return fmt.Errorf("the list of revoked bundles is not on disk: %w", err)
	}
	l.dirty = false
	return nil
}

// save replaces the file in one step that survives a crash of the machine.
func (l *revokedList) save() error {
	doc := revokedDocument{Version: 1}
	for digest := range l.digests {
		doc.Digests = append(doc.Digests, digest)
	}
	slices.Sort(doc.Digests)
	text, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(l.path, append(text, '\n'))
}
