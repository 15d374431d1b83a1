package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// partialFile is a download in progress, beside the name that it will take. It
// stays when a transfer fails, so that the next one can go on.
type partialFile struct {
	root   *os.Root
	path   string   // the name that it will take
	f      *os.File // nil: there is none yet
	size   int64
	hash   hash.Hash // of the first size bytes
	remove bool      // at Close
}

// openPartial reads what an earlier attempt has left, if anything.
func openPartial(root *os.Root, path string) (*partialFile, error) {
	p := &partialFile{root: root, path: path, hash: sha256.New()}
	info, err := root.Lstat(p.name())
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || links(info) > 1 { // a link, perhaps: nothing of ours
		return p, root.RemoveAll(p.name())
	}
	if p.f, err = root.OpenFile(p.name(), os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if p.size, err = io.Copy(p.hash, p.f); err != nil {
		return nil, errors.Join(err, p.f.Close())
	}
	return p, nil
}

// links is how many names a file has: with a second one, what is written to it
// would be in another file too.
func links(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink)
	}
	return 1
}

func (p *partialFile) name() string { return p.path + partialSuffix }

// continues reports whether a 206 answer carries on exactly at the end of p, and
// belongs to the same bytes: those of etag or, when p is from an earlier fetch,
// any, if a digest will tell at the end: the server's, or one that is expected.
func (p *partialFile) continues(resp *http.Response, etag string, expected bool) bool {
	start, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(p.size, 10)+"-")
	if !ok || start == "" {
		return false
	}
	got := strong(resp.Header.Get("ETag"))
	return etag != "" && got == etag || etag == "" && (expected || digestOf(got) != "")
}

// restart makes p an empty file.
func (p *partialFile) restart() (err error) {
	if p.f == nil {
		p.f, err = p.root.OpenFile(p.name(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		return err
	}
	p.size = 0
	p.hash.Reset()
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return p.f.Truncate(0)
}

// copyAtOnce is how much is written, and hashed beside that, at once.
const copyAtOnce = 256 << 10

// copy appends what r brings, up to a size of limit. Errors of r may pass.
func (p *partialFile) copy(r io.Reader, limit int64) error {
	buf := make([]byte, copyAtOnce)
	for {
		n, err := r.Read(buf)
		if p.size+int64(n) > limit {
			p.remove = true
			return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
		}
		var hashing sync.WaitGroup
		hashing.Go(func() { p.hash.Write(buf[:n]) })
		_, failed := p.f.Write(buf[:n])
		hashing.Wait()
		if failed != nil {
			p.remove = true // a full disk is not helped by half a file
			return failed
		}
		p.size += int64(n)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return &tryAgain{err}
		}
	}
}

func (p *partialFile) digest() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// finish gives the file its name, and returns its modification time.
func (p *partialFile) finish() (time.Time, error) {
	info, err := p.f.Stat()
	if err == nil {
		err = p.root.Rename(p.name(), p.path)
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// Close lets go of the file.
func (p *partialFile) Close() error {
	if p.f == nil {
		return nil
	}
	err := p.f.Close()
	if p.remove {
		err = errors.Join(err, p.root.Remove(p.name()))
	}
	return err
}
