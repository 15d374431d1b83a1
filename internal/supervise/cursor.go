package supervise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// cursor remembers in a file up to where each stream has been dealt with. A
// commit is one small write into the page cache: cheap enough to do for each
// line, and nothing is lost when the manager is killed.
type cursor struct {
	path string

	mu     sync.Mutex // guards what follows
	file   *os.File   // opened by the first commit
	closed bool
	at     [3]int64
}

func cursorPath(folder string) string { return filepath.Join(folder, "cursor") }

func streamIndex(s Stream) int {
	switch s {
	case Stdout:
		return 0
	case Stderr:
		return 1
	}
	return 2
}

func openCursor(folder string) (*cursor, error) {
	c := &cursor{path: cursorPath(folder)}
	raw, err := shim.ReadFile(c.path, 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cursor: %w", err)
	}
	for i := range c.at {
		if end := 8 * (i + 1); end <= len(raw) {
			c.at[i] = int64(binary.LittleEndian.Uint64(raw[end-8:]))
		}
	}
	return c, nil
}

func (c *cursor) offset(s Stream) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[streamIndex(s)]
}

// commit moves a stream's cursor forward; never back.
func (c *cursor) commit(s Stream, next int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := streamIndex(s)
	if next <= c.at[i] {
		return nil
	}
	file := c.file
	if file == nil {
		var err error
		if file, err = os.OpenFile(c.path, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600); err != nil {
			return fmt.Errorf("commit a line: %w", err)
		}
		if c.closed {
			defer file.Close()
		} else {
			c.file = file
		}
	}
	var raw [8]byte
	binary.LittleEndian.PutUint64(raw[:], uint64(next))
	if _, err := file.WriteAt(raw[:], int64(8*i)); err != nil {
		return fmt.Errorf("commit a line: %w", err)
	}
	c.at[i] = next
	return nil
}

// close gives the file back; a commit that comes later opens it for itself.
func (c *cursor) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.file != nil {
		_ = c.file.Close()
		c.file = nil
	}
}
