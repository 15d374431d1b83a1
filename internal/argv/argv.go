// Package argv splits the arguments of a task, which an operator writes as one
// line, into words, so that they reach the task without a shell in between.
package argv

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnclosed means that a quotation or an escape has no end.
var ErrUnclosed = errors.New("unclosed")

// Split cuts a line into words as a POSIX shell does, and does nothing else that
// a shell does: no variables, no patterns, no comments, no operators.
//
//   - Blanks (space, tab, newline, carriage return) part words.
//   - 'text' is taken as it is.
//   - "text" is taken as it is, except that \ keeps its meaning before " \ $ ` and
//     a newline.
//   - \ outside of quotes takes the next character as it is; before a newline both
//     vanish.
//
// Quoted pieces that touch are one word, and a pair of quotes alone is an empty
// word. The error wraps ErrUnclosed and names the place, as a byte counted from 1.
func Split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n', '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case '\'':
			n := strings.IndexByte(line[i+1:], '\'')
			if n < 0 {
				return nil, unclosed("the ' ", i)
			}
			word.WriteString(line[i+1 : i+1+n])
			inWord = true
			i += n + 1
		case '"':
			n, ok := quoted(&word, line[i+1:])
			if !ok {
				return nil, unclosed(`the " `, i)
			}
			inWord = true
			i += n
		case '\\':
			if i+1 == len(line) {
				return nil, unclosed(`the \ `, i)
			}
			i++
			if line[i] != '\n' {
				word.WriteByte(line[i])
				inWord = true
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted writes what stands before the closing " and returns how many bytes it
// took, the " included.
func quoted(word *strings.Builder, text string) (n int, ok bool) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '"' {
			return i + 1, true
		}
		if c == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`\n", text[i+1]) >= 0 {
			i++
			if c = text[i]; c == '\n' {
				continue
			}
		}
		word.WriteByte(c)
	}
	return 0, false
}

func unclosed(what string, at int) error {
	return fmt.Errorf("%sat byte %d is %w: close it, or write it within the other kind of quotes", what, at+1, ErrUnclosed)
}
