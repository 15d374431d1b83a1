package database

import (
	"strconv"
	"strings"
)

// numbered writes SQLite's parameters as PostgreSQL's: ?N as $N, and ? as the one
// after the greatest so far. What is quoted, or a comment to the end of a line, is left alone.
func numbered(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 8)
	greatest := 0
	for i := 0; i < len(query); {
		switch c := query[i]; {
		case c == '\'' || c == '"':
			i += copyTo(&b, query[i:], string(c), 1)
		case strings.HasPrefix(query[i:], "--"):
			i += copyTo(&b, query[i:], "\n", 2)
		case c == '?':
			end := i + 1
			for end < len(query) && '0' <= query[end] && query[end] <= '9' {
				end++
			}
			n, err := strconv.Atoi(query[i+1 : end])
			if err != nil {
				n = greatest + 1
			}
			greatest = max(greatest, n)
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			i = end
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// copyTo copies text up to the first end from its byte from on, or all of it, and
// returns how many bytes that are. A doubled quote is two quoted parts in a row.
func copyTo(b *strings.Builder, text, end string, from int) int {
	n := len(text)
	if i := strings.Index(text[from:], end); i >= 0 {
		n = from + i + len(end)
	}
	b.WriteString(text[:n])
	return n
}
