package launch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func numbered(prefix string, n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprint(prefix, i))
	}
	return lines
}

func TestLastOf(t *testing.T) {
	for name, tc := range map[string]struct {
		out, errs   int
		first, last string
		n           int
	}{
		"nothing":          {0, 0, "", "", 0},
		"few":              {2, 1, "out0", "err0", 3},
		"one stream alone": {70, 0, "out20", "out69", 50},
		"the other alone":  {0, 70, "err20", "err69", 50},
		"both long":        {50, 50, "out25", "err49", 50},
		"one short":        {50, 5, "out5", "err4", 50},
		"the other short":  {5, 50, "out0", "err49", 50},
	} {
		t.Run(name, func(t *testing.T) {
			got := lastOf(numbered("out", tc.out), numbered("err", tc.errs))
			if len(got) != tc.n || tc.n > 0 && (got[0] != tc.first || got[len(got)-1] != tc.last) {
				t.Errorf("%d lines: %q", len(got), got)
			}
		})
	}
}

func TestLastOfIsBoundedInBytes(t *testing.T) {
	long := strings.Repeat("ä", lastLineBytes)
	bytes := func(lines []string) (n int) {
		for _, l := range lines {
			if len(l) > lastLineBytes {
				t.Errorf("a line has %d bytes", len(l))
			}
			n += len(l)
		}
		return n
	}
	for name, tc := range map[string][2][]string{
		"both":        {slices.Repeat([]string{long}, 50), slices.Repeat([]string{long}, 50)},
		"output":      {slices.Repeat([]string{long}, 50), {"the end"}},
		"errors":      {{"the end"}, slices.Repeat([]string{long}, 50)},
		"not a text":  {slices.Repeat([]string{strings.Repeat("\xff", lastLineBytes)}, 50), nil},
		"a last line": {{long, "out"}, {long, "err"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := lastOf(tc[0], tc[1])
			if n := bytes(got); n > lastBytes || n < lastBytes/2 && name != "a last line" && name != "not a text" {
				t.Errorf("%d bytes are kept", n)
			}
			for _, stream := range tc {
				if len(stream) == 0 {
					continue
				}
				if end := Shorten(strings.ToValidUTF8(stream[len(stream)-1], "\ufffd"), lastLineBytes); !slices.Contains(got, end) {
					t.Errorf("the last line %.20q of a stream is not kept", end)
				}
			}
		})
	}
}

func TestPrinted(t *testing.T) {
	for line, want := range map[string]string{
		"plain":                              "plain",
		`{"loss": 1}`:                        `{"loss": 1}`,
		`{"type":"print","message":"hello"}`: "hello",
	} {
		if got, ok := printed(line); got != want || !ok {
			t.Errorf("%s: %q, %t", line, got, ok)
		}
	}
	if _, ok := printed(`{"type":"info","info":"Started"}`); ok {
		t.Error("a report is shown as output")
	}
}

func TestShorten(t *testing.T) {
	for _, tc := range []struct {
		text string
		n    int
		want string
	}{{"short", 5, "short"}, {"0123456789", 9, "012 [cut]"}, {"ääääää", 11, "ää [cut]"}, {"0123456789", 2, " [cut]"}} {
		if got := Shorten(tc.text, tc.n); got != tc.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", tc.text, tc.n, got, tc.want)
		}
	}
}
