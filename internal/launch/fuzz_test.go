package launch

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzPlain: what a task prints steers no terminal and breaks no text.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]52;c;aGk=\x1b\\", "\x1b\x1b[[m", "\u009b31m", "\xff\x1b", "a\x1bP\x1b[mb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		out := Plain(line)
		if !utf8.ValidString(out) || len(out) > 3*len(line) {
			t.Errorf("%q became %q", line, out)
		}
		for _, r := range out {
			if r != '\t' && unicode.IsControl(r) {
				t.Errorf("%q became %q", line, out)
			}
		}
		if again := Plain(out); again != out {
			t.Errorf("%q became %q, then %q", line, out, again)
		}
	})
}
