package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// Report is what [Verify] found in a log whose entries are all in order.
type Report struct {
	Head    Head
	Entries int64
	Unkeyed int64 // entries whose hash anybody can make; they come before all others
}

// ErrBroken is the cause of every error that says that a log is not as it was
// written.
var ErrBroken = errors.New("the audit log is not as it was written")

// Verify reads a log from its beginning and checks every entry, the chain, and
// that it ends no earlier than the head beside it. With since, the entry that it
// names must be there too. key is nil where the cloud has none. each, if not nil,
// is given the entries in order. The log may be written meanwhile.
func Verify(path string, key []byte, since Head, each func(Entry) error) (r Report, err error) {
	head, err := readHead(path, key)
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	file, err := os.Open(path)
	if err != nil {
		return r, fmt.Errorf("verify the audit log: %w", err)
	}
	defer file.Close()
	var last Entry
	lines := bufio.NewReaderSize(file, maxLine+1)
	seen := since.Seq == 0
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil {
			// Without its end it is being written, or its writer was killed meanwhile.
			if errors.Is(err, io.EOF) && r.Entries >= head.Seq {
				break
			}
			return r, fmt.Errorf("%w: after entry %d: %w", ErrBroken, r.Entries, err)
		}
		e, sum, err := open(line[:len(line)-1], key)
		if err == nil {
			err = r.follows(e)
		}
		if err != nil {
			return r, fmt.Errorf("%w: after entry %d: %w", ErrBroken, r.Entries, err)
		}
		r.Head, r.Entries, last = Head{e.Seq, sum}, e.Seq, e
		if !e.Keyed {
			r.Unkeyed++
		}
		for _, known := range []Head{head.Head, since} {
			if e.Seq == known.Seq && sum != known.Hash {
				return r, fmt.Errorf("%w: entry %d is another than the one whose hash was kept", ErrBroken, e.Seq)
			}
		}
		seen = seen || e.Seq == since.Seq
		if each != nil {
			if err := each(e); err != nil {
				return r, err
			}
		}
	}
	if err := head.fits(path, last); err != nil {
		return r, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if !seen {
		return r, fmt.Errorf("%w: it ends with entry %d, and entry %d was there", ErrBroken, r.Entries, since.Seq)
	}
	return r, nil
}

// follows tells whether e may come after what was read.
func (r Report) follows(e Entry) error {
	switch {
	case e.Seq != r.Entries+1:
		return fmt.Errorf("entry %d follows: one was removed or put in", e.Seq)
	case e.Prev != r.Head.Hash:
		return fmt.Errorf("entry %d does not name the one before it", e.Seq)
	case !e.Keyed && r.Unkeyed < r.Entries:
		return fmt.Errorf("entry %d was made without the key that those before it have", e.Seq)
	}
	return nil
}
