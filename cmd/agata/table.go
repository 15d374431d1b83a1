package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// gutter is between two columns.
const gutter = "  "

// tabulate writes rows in columns under a head; a nil head is left out.
func tabulate(w io.Writer, head []string, rows [][]string) {
	t := &columns{head: head}
	for _, row := range rows {
		t.add(row)
	}
	_, _ = io.WriteString(w, t.flush())
}

// columns lays rows out. Those of the first flush settle how wide columns are;
// later ones only widen them.
type columns struct {
	head   []string
	rows   [][]string
	widths []int
	begun  bool
}

func (t *columns) add(row []string) {
	cells := make([]string, len(row))
	for i, text := range row {
		cells[i] = cell(text)
	}
	t.rows = append(t.rows, cells)
}

// flush returns the lines of what was added since the last time.
func (t *columns) flush() string {
	if !t.begun && t.head != nil {
		t.rows = append([][]string{t.head}, t.rows...)
	}
	t.begun = true
	for _, row := range t.rows {
		for i, text := range row {
			if i == len(t.widths) {
				t.widths = append(t.widths, 0)
			}
			t.widths[i] = max(t.widths[i], room(text))
		}
	}
	var b, line strings.Builder
	for _, row := range t.rows {
		line.Reset()
		for i, text := range row {
			line.WriteString(text)
			line.WriteString(strings.Repeat(" ", t.widths[i]-room(text)))
			line.WriteString(gutter)
		}
		b.WriteString(strings.TrimRight(line.String(), " ")) // empty last cells leave spaces
		b.WriteByte('\n')
	}
	t.rows = t.rows[:0]
	return b.String()
}

// room is how many columns of a terminal a text takes.
func room(text string) (n int) {
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me): // on top of the letter before
		case r < 0x80:
			n++
		default:
			switch width.LookupRune(r).Kind() {
			case width.EastAsianWide, width.EastAsianFullwidth:
				n += 2
			default:
				n++
			}
		}
	}
	return n
}

// cell makes one line of a text: reasons and accuracies are whatever a task
// sent, and must neither break the table nor steer the terminal.
func cell(text string) string { return strings.TrimSpace(oneLine(text)) }

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// legible is a text whose lines stay: what failed is told in words that may be
// anybody's.
func legible(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = oneLine(line)
	}
	return strings.Join(lines, "\n")
}

// short cuts a text for a column.
func short(text string, width int) string {
	if r := []rune(text); len(r) > width {
		return string(r[:width-3]) + "..."
	}
	return text
}

// bytesText tells a size to people.
func bytesText(n int64) string {
	size, unit := float64(n), "B"
	for _, larger := range []string{"KiB", "MiB", "GiB"} {
		if size < 1024 {
			break
		}
		size, unit = size/1024, larger
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
