// Package sse reads server-sent events, as the HTML standard has them: the
// gateway's live streams, and what it wants of its clients.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxMessage bounds a message of a stream, in bytes.
const maxMessage = 8 << 20

// Message is one of a stream of server-sent events.
type Message struct {
	Event string // "message" unless the stream says otherwise
	ID    string // the last one that the stream gave, also with an earlier message
	Data  []byte // nil: there is no message, the id alone has moved on
}

// Read reads events until r ends, which is io.EOF, or fn returns an error. retry
// is told the pause that the stream asks for before it is opened again. A message
// that r breaks off in is dropped, as the standard wants.
func Read(r io.Reader, retry func(time.Duration), fn func(Message) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxMessage)
	lines.Split(eventLines())
	m, data, moved, first := Message{}, []byte(nil), false, true
	for lines.Scan() {
		line := lines.Bytes()
		if first {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
			first = false
		}
		if len(line) == 0 {
			m.Data = nil
			if data != nil {
				m.Data = data[:len(data)-1] // the last line feed
			}
			if m.Event == "" {
				m.Event = "message"
			}
			if data != nil || moved {
				if err := fn(m); err != nil {
					return err
				}
			}
			m.Event, data, moved = "", nil, false
			continue
		}
		name, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimPrefix(value, " ")
		switch name { // "" is a comment
		case "event":
			m.Event = value
		case "data":
			if len(data)+len(value) > maxMessage {
				return fmt.Errorf("a message is larger than %d bytes", maxMessage)
			}
			data = append(append(data, value...), '\n')
		case "id":
			if !strings.ContainsRune(value, 0) {
				m.ID, moved = value, true
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				retry(time.Duration(ms) * time.Millisecond)
			}
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes", maxMessage)
	}
	if lines.Err() != nil {
		return lines.Err()
	}
	return io.EOF
}

// eventLines splits at line feeds, carriage returns and pairs of them. A line ends
// with its carriage return at once: the line feed may be long in coming.
func eventLines() bufio.SplitFunc {
	returned := false // the line before ended with a carriage return
	return func(b []byte, atEOF bool) (int, []byte, error) {
		skip := 0
		if returned && len(b) > 0 {
			returned = false
			if b[0] == '\n' {
				skip = 1
			}
		}
		i := bytes.IndexAny(b[skip:], "\r\n")
		if i < 0 {
			return skip, nil, nil // an unfinished line is no line, also at the end
		}
		returned = b[skip+i] == '\r'
		return skip + i + 1, b[skip : skip+i], nil
	}
}
