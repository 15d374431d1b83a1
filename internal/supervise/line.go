package supervise

import "bytes"

// Stream is where a line came from.
type Stream string

// The three streams of a process.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
	Report Stream = "report" // the file named by AGATA_REPORTS
)

// MaxLine is how many bytes of a line are kept; the rest is cut.
const MaxLine = 64 << 10

// Line is one line that a process wrote.
type Line struct {
	Stream  Stream
	Text    string // without its line end
	Offset  int64  // of its first byte in its stream; with Stream it names the line for ever
	Cut     bool   // longer than MaxLine: Text is its beginning
	Partial bool   // the process ended before it ended the line
	Skipped int64  // bytes before this line that passed the log bound unread, and are gone

	next int64 // offset behind the line end
}

// splitter cuts a stream into lines. It keeps at most MaxLine bytes.
type splitter struct {
	stream  Stream
	start   int64 // offset of the current line
	pos     int64 // offset of the next byte to come
	held    []byte
	cut     bool
	skipped int64
	drop    bool // the current line has lost its beginning: pass over the rest of it
}

func newSplitter(stream Stream, offset int64) *splitter {
	return &splitter{stream: stream, start: offset, pos: offset}
}

// feed consumes data up to the first line end and returns how much that was,
// and whether it completed a line.
func (s *splitter) feed(data []byte) (n int, line Line, complete bool) {
	end := bytes.IndexByte(data, '\n')
	n = end + 1
	if end < 0 {
		n, end = len(data), len(data)
	} else {
		complete = true
	}
	s.pos += int64(n)
	if s.drop {
		s.skipped += int64(n)
		if complete {
			s.drop, s.start = false, s.pos
		}
		return n, Line{}, false
	}
	room := MaxLine - len(s.held)
	if end > room {
		s.cut, end = true, room
	}
	s.held = append(s.held, data[:end]...)
	if !complete {
		return n, Line{}, false
	}
	return n, s.take(false), true
}

// rest returns what came after the last line end, if anything did.
func (s *splitter) rest() (Line, bool) {
	if len(s.held) == 0 || s.drop {
		return Line{}, false
	}
	return s.take(true), true
}

func (s *splitter) take(partial bool) Line {
	line := Line{
		Stream: s.stream, Text: string(bytes.TrimSuffix(s.held, []byte("\r"))), Offset: s.start,
		Cut: s.cut, Partial: partial, Skipped: s.skipped, next: s.pos,
	}
	s.start, s.cut, s.skipped = s.pos, false, 0
	s.held = s.held[:0]
	if cap(s.held) > 4096 {
		s.held = nil // a rare long line must not be paid for ever
	}
	return line
}

// jump passes over bytes that are gone: the reader goes on at offset, in the
// middle of some line.
func (s *splitter) jump(offset int64) {
	s.skipped += offset - s.start
	s.start, s.pos = offset, offset
	s.held, s.cut, s.drop = nil, false, true
}
