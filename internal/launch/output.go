package launch

import (
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// How much of an ended execution's output the history keeps.
const (
	lastLines     = 50
	lastLineBytes = 1 << 10 // of each line
	lastBytes     = 16 << 10
)

// LastLines returns the last lines of what an execution printed, oldest first: of
// standard output, then of standard error, at most 50 and 16 KiB together. A
// stream that needs less than half leaves the rest to the other. What a task
// prints by a report is a line; its other reports are none.
func LastLines(p *supervise.Process) []string {
	var out, errs []string
	for _, line := range p.Tail(lastLines) {
		if line.Stream == supervise.Stderr {
			errs = append(errs, line.Text)
		} else if text, ok := printed(line.Text); ok {
			out = append(out, text)
		}
	}
	return lastOf(out, errs)
}

// printed is what a line of standard output shows, false for a report.
func printed(line string) (text string, ok bool) {
	report, isReport := taskreporter.Parse([]byte(line))
	if !isReport {
		return line, true
	}
	said, ok := report.(taskreporter.Print)
	return said.Message, ok
}

// lastOf joins the ends of two streams within the bounds.
func lastOf(out, errs []string) []string {
	fewer := min(len(out), len(errs), lastLines/2)
	most := lastLines - fewer
	out, errs = out[max(0, len(out)-most):], errs[max(0, len(errs)-most):]
	room := lastBytes
	errs, room = fitEnd(errs, max(room/2, room-size(out)), room)
	out, _ = fitEnd(out, room, room)
	if len(out)+len(errs) == 0 {
		return nil
	}
	return append(append([]string{}, out...), errs...)
}

// fitEnd shortens lines and keeps the last ones that fit; left is what is left
// of the room.
func fitEnd(lines []string, most, room int) (kept []string, left int) {
	used, first := 0, len(lines)
	kept = make([]string, len(lines))
	for first > 0 {
		line := Shorten(Plain(lines[first-1]), lastLineBytes)
		if used+len(line) > most {
			break
		}
		first--
		used += len(line)
		kept[first] = line
	}
	return kept[first:], room - used
}

// size is what lines take, each shortened.
func size(lines []string) (n int) {
	for _, line := range lines {
		n += min(len(line), lastLineBytes)
	}
	return n
}

// Shorten cuts a text to at most n bytes, with a mark, and never within a
// character.
func Shorten(text string, n int) string {
	const mark = " [cut]"
	if len(text) <= n {
		return text
	}
	n = max(n-len(mark), 0)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + mark
}
