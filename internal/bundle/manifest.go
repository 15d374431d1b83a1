package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/artifact"
)

const (
	// MaxManifest bounds a manifest and its signature, in bytes.
	MaxManifest = 1 << 20
	maxFiles    = 1024
	maxSize     = 1 << 40 // of one file
	version     = 1
)

// File is what a manifest says of one file of the task.
type File struct {
	Path   string `json:"path"` // relative to the task's folder, with forward slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Manifest says which files a task has.
type Manifest struct {
	Version int       `json:"version"`
	Task    string    `json:"task"`    // the task's id
	Created time.Time `json:"created"` // when it was signed, in whole seconds of UTC
	Files   []File    `json:"files"`   // by path
	Key     string    `json:"key"`     // the id of the key that signed it
}

// Find returns what the manifest says of a file.
func (m *Manifest) Find(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(m.Files, path, func(f File, path string) int { return cmp.Compare(f.Path, path) })
	if !ok {
		return File{}, false
	}
	return m.Files[i], true
}

// Digest names a manifest, for its revocation: the SHA-256 of its bytes, which is
// also that of the file.
func Digest(manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return hex.EncodeToString(sum[:])
}

var (
	validDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)
	validKeyID  = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// ValidDigest tells whether a text may be the digest of a manifest.
func ValidDigest(s string) bool { return validDigest.MatchString(s) }

// Parse reads a manifest. It does not tell who made it: see Verify. Its error
// wraps ErrUntrusted.
func Parse(manifest []byte) (*Manifest, error) {
	if len(manifest) > MaxManifest {
		return nil, fmt.Errorf("%w: its manifest has more than %d bytes", ErrUntrusted, MaxManifest)
	}
	var m Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, fmt.Errorf("%w: its manifest cannot be read: %w", ErrUntrusted, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: its manifest is wrong: %w", ErrUntrusted, err)
	}
	again, err := m.encode()
	if err != nil || !bytes.Equal(again, manifest) {
		return nil, fmt.Errorf("%w: its manifest is not in the one form that a manifest has", ErrUntrusted)
	}
	return &m, nil
}

// encode writes the one form of a manifest: JSON without spaces, the keys in the
// order of the type, no escapes but those that JSON demands, and a line's end.
func (m *Manifest) encode() ([]byte, error) {
	plain := *m
	plain.Created = m.Created.UTC().Truncate(time.Second)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(plain); err != nil {
		return nil, fmt.Errorf("encode a manifest: %w", err)
	}
	return b.Bytes(), nil
}

func (m *Manifest) check() error {
	switch {
	case m.Version != version:
		return fmt.Errorf("version %d is not known here", m.Version)
	case !validKeyID.MatchString(m.Key):
		return fmt.Errorf("%.100q is no key's id", m.Key)
	case len(m.Files) == 0 || len(m.Files) > maxFiles:
		return fmt.Errorf("it has %d files, not 1 to %d", len(m.Files), maxFiles)
	}
	if err := artifact.ValidTaskID(m.Task); err != nil {
		return err
	}
	// Names that some file systems take for the same are refused, and so is a file
	// that is also a folder.
	folded := make(map[string]bool, len(m.Files))
	folders := map[string]bool{}
	for i, f := range m.Files {
		if err := checkFile(f); err != nil {
			return err
		}
		if i > 0 && m.Files[i-1].Path >= f.Path {
			return fmt.Errorf("the file %q is not in its order, or there twice", f.Path)
		}
		name := strings.ToLower(f.Path)
		if folded[name] {
			return fmt.Errorf("the file %q is there twice, in upper and lower case", f.Path)
		}
		folded[name] = true
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	for dir := range folders {
		if folded[dir] {
			return fmt.Errorf("%q is a file and a folder", dir)
		}
	}
	return nil
}

func checkFile(f File) error {
	if err := artifact.ValidPath(f.Path); err != nil {
		return err
	}
	switch name := strings.ToLower(f.Path); {
	case IsBundle(name):
		return fmt.Errorf("the file %q belongs to the bundle itself", f.Path)
	case slices.Contains(strings.Split(name, "/"), cacheFolder):
		return fmt.Errorf("the file %q is compiled code of Python, which is never signed", f.Path)
	case f.Size < 0 || f.Size > maxSize:
		return fmt.Errorf("the file %q has %d bytes", f.Path, f.Size)
	case !validDigest.MatchString(f.SHA256):
		return fmt.Errorf("the digest of file %q is no SHA-256", f.Path)
	}
	return nil
}
