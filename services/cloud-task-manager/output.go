package cloudtaskmanager

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// outputBytes is how much of each file of output an answer reads.
	outputBytes = 64 << 10
	// halfLineAge is how long a line that is not ended waits for its end.
	halfLineAge = 2 * time.Second
)

// piece is a line of output, and where in its file the next one begins.
type piece struct {
	text string
	end  int64
}

// outputFile is one of the files that an execution writes to.
type outputFile struct {
	path  string
	ended bool // the execution has: a last line without its end is whole
}

// since reads the lines from an offset on, as far as they fit into one answer.
// A file that is not there any more, because a new execution begins, has none.
func (o outputFile) since(from int64) (lines []piece, err error) {
	f, size, old, err := o.open()
	if f == nil || err != nil {
		return nil, err
	}
	defer f.Close()
	if from > size {
		return nil, rpc.Errorf(rpc.Invalid, "after: it is not the next of an earlier answer: the output is shorter")
	}
	data, at, err := readAt(f, from)
	if err != nil {
		return nil, err
	}
	if at > from { // only the end of a long output is kept
		cut := bytes.IndexByte(data, '\n') + 1
		data, at = data[cut:], at+int64(cut)
		lines = append(lines, piece{fmt.Sprintf("[... %d bytes lost]", at-from), at})
	}
	return append(lines, split(data, at, o.ended || old)...), nil
}

// last reads the last lines, and says where the next one will begin.
func (o outputFile) last() (lines []piece, at int64, err error) {
	f, size, old, err := o.open()
	if f == nil || err != nil {
		return nil, 0, err
	}
	defer f.Close()
	from := max(0, size-outputBytes)
	data, at, err := readAt(f, from)
	if err != nil {
		return nil, 0, err
	}
	if from > 0 { // the first line has lost its beginning
		cut := bytes.IndexByte(data, '\n') + 1
		data, at = data[cut:], at+int64(cut)
	}
	lines = split(data, at, o.ended || old)
	if len(lines) > 0 {
		at = lines[len(lines)-1].end
	}
	return lines, at, nil
}

// open opens the file, tells its size, and whether it has rested for a while. A
// nil file is not there.
func (o outputFile) open() (f *os.File, size int64, old bool, err error) {
	f, err = shim.Open(o.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, shim.ErrNoFile) { // which the task has put there
		return nil, 0, false, nil
	}
	if err != nil {
		return nil, 0, false, fmt.Errorf("read the output: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, false, errors.Join(fmt.Errorf("read the output: %w", err), f.Close())
	}
	return f, info.Size(), time.Since(info.ModTime()) > halfLineAge, nil
}

// readAt reads what follows an offset, up to outputBytes, and tells where that
// really begins: the beginning of a long output is given back to the file system,
// and reads as zeroes. It looks after it has read, lest that happens in between.
func readAt(f *os.File, from int64) (data []byte, at int64, err error) {
	for at = from; ; {
		data, err = io.ReadAll(io.NewSectionReader(f, at, outputBytes))
		if err != nil {
			return nil, at, fmt.Errorf("read the output: %w", err)
		}
		start, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err != nil || start <= at { // at the end, or the file system cannot tell and makes no holes
			return data, at, nil
		}
		at = start
	}
}

// split cuts data, which begins at an offset, into lines. What comes after the last
// line end is one if whole says so, or if it fills an answer by itself.
func split(data []byte, at int64, whole bool) (lines []piece) {
	full := len(data) == outputBytes
	for len(data) > 0 {
		n := bytes.IndexByte(data, '\n') + 1
		if n == 0 {
			switch {
			case full && len(lines) > 0, !full && !whole:
				return lines
			case full:
				n = len(data) - halfRune(data)
			default:
				n = len(data)
			}
		}
		at += int64(n)
		lines = append(lines, piece{strings.ToValidUTF8(strings.TrimRight(string(data[:n]), "\r\n"), "\uFFFD"), at})
		data = data[n:]
	}
	return lines
}

// halfRune is how many bytes at the end begin a character that is not complete.
func halfRune(data []byte) int {
	for n := 1; n < min(utf8.UTFMax, len(data)); n++ {
		if b := data[len(data)-n]; utf8.RuneStart(b) {
			if !utf8.FullRune(data[len(data)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
