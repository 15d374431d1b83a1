package launch

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes are the sequences by which programs colour a terminal, move its cursor
// and name its window: ECMA-48's control sequences, and xterm's strings.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])")

// Plain is a line of a task's output as text alone: without what steers a
// terminal, and valid UTF-8.
func Plain(line string) string {
	if strings.IndexByte(line, 0x1b) >= 0 {
		line = escapes.ReplaceAllString(line, "")
	}
	line = strings.ToValidUTF8(line, "\uFFFD")
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, line)
}
