package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// segment is one file of the spool.
type segment struct {
	number uint64
	path   string
	size   int64
	left   int // messages that are not confirmed
}

const suffix = ".seg"

func segmentPath(folder string, number uint64) string {
	return filepath.Join(folder, fmt.Sprintf("%020d%s", number, suffix))
}

// readSegments lists what an earlier process left, the oldest first, and the
// highest number; what is confirmed already is deleted. A file that cannot be read
// is left alone.
func readSegments(folder string, from place, lost func(int, string)) (list []*segment, highest uint64, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, 0, err
	}
	highest = from.segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		number, err := strconv.ParseUint(name, 10, 64)
		if !ok || err != nil || number == 0 || !e.Type().IsRegular() {
			continue
		}
		highest = max(highest, number)
		s := &segment{number: number, path: filepath.Join(folder, e.Name())}
		start := int64(0)
		if number == from.segment {
			start = from.offset
		}
		if number >= from.segment {
			if s.size, s.left, err = count(s.path, start); err != nil {
				lost(0, fmt.Sprintf("a file of the outbox cannot be read: %v", err))
				continue
			}
		}
		if s.left == 0 {
			_ = os.Remove(s.path) // one that stays behind is looked at again by the next process
			continue
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *segment) int { return strings.Compare(a.path, b.path) })
	return list, highest, nil
}

// count returns a file's size and how many lines end behind start.
func count(path string, start int64) (size int64, lines int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || start >= info.Size() {
		return 0, 0, err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(f, start, info.Size()-start), 1<<16)
	for {
		_, err := r.ReadSlice('\n')
		switch {
		case err == nil:
			lines++
		case errors.Is(err, io.EOF):
			return info.Size(), lines, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return 0, 0, err
		}
	}
}
