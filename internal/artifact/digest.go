package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	maxDigests = 8192

	// A file changed so recently may change again without its time stamp moving,
	// because the stamp is only as fine as the kernel's clock tick.
	settled = 100 * time.Millisecond
)

// digests remembers the SHA-256 of files for as long as size, modification time
// and inode stay the same. Callers that ask for the same file at once wait for
// one computation.
type digests struct {
	mu      sync.Mutex // guards entries
	entries map[string]*digestEntry
}

type digestEntry struct {
	info fs.FileInfo
	once sync.Once
	sum  string
	err  error
}

// of returns the digest, in hexadecimal, of the file that info describes. The key
// is the file's place; open is called when nothing valid is remembered.
func (d *digests) of(key string, info fs.FileInfo, open func() (io.ReadCloser, error)) (string, error) {
	e := d.entry(key, info)
	e.once.Do(func() {
		r, err := open()
		if err != nil {
			e.err = err
			return
		}
		defer r.Close()
		e.sum, e.err = hashOf(r)
	})
	if e.err != nil {
		d.forget(key, e)
	}
	return e.sum, e.err
}

func (d *digests) entry(key string, info fs.FileInfo) *digestEntry {
	if time.Since(info.ModTime()).Abs() < settled {
		return &digestEntry{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.entries[key]; e != nil && sameFile(e.info, info) {
		return e
	}
	if d.entries == nil || len(d.entries) >= maxDigests {
		d.entries = map[string]*digestEntry{} // the bound matters, which ones go does not
	}
	e := &digestEntry{info: info}
	d.entries[key] = e
	return e
}

func (d *digests) forget(key string, e *digestEntry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.entries[key] == e {
		delete(d.entries, key)
	}
}

func sameFile(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

func hashOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
