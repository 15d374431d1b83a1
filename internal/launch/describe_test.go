package launch

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/supervise"
)

func TestLastWords(t *testing.T) {
	lines := func(texts ...string) (lines []supervise.Line) {
		for _, text := range texts {
			lines = append(lines, supervise.Line{Text: text})
		}
		return lines
	}
	if got := lastWords(lines("1", "2", " ", "3", `{"type":"print","message":"x"}`, "4", "5", "6 ")); got != "2 | 3 | 4 | 5 | 6" {
		t.Errorf("got %q", got)
	}
	got := lastWords(lines(strings.Repeat("ä", 2000), "end\xff"))
	if len(got) > wordBytes+10 || !utf8.ValidString(got) || !strings.HasPrefix(got, "... ä") || !strings.HasSuffix(got, " | end\uFFFD") {
		t.Errorf("got %d bytes: %.40q ... %q", len(got), got, got[len(got)-20:])
	}
}
