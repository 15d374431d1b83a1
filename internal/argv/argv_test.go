package argv_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/argv"
)

func ExampleSplit() {
	words, err := argv.Split(`--rounds 3 --name "my task" --note 'it costs $5'`)
	fmt.Printf("%q %v\n", words, err)
	// Output: ["--rounds" "3" "--name" "my task" "--note" "it costs $5"] <nil>
}

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{" \t\r\n", nil},
		{"a", []string{"a"}},
		{"  a   b\tc\nd ", []string{"a", "b", "c", "d"}},
		{`''`, []string{""}},
		{`"" ''`, []string{"", ""}},
		{`a'b'"c"d`, []string{"abcd"}},
		{`'a  b' "c  d"`, []string{"a  b", "c  d"}},
		{`'\n"$'`, []string{`\n"$`}},
		{`"it's"`, []string{"it's"}},
		{`"\"\\\$\` + "`" + `\n"`, []string{`"\$` + "`" + `\n`}},
		{"\"a\\\nb\"", []string{"ab"}},
		{`a\ b`, []string{"a b"}},
		{`\'\"\\`, []string{`'"\`}},
		{"a\\\nb", []string{"ab"}},
		{"\\\n", nil},
		{"$HOME *.py # no; rm | cat > x &", []string{"$HOME", "*.py", "#", "no;", "rm", "|", "cat", ">", "x", "&"}},
		{"é 'ü ö'", []string{"é", "ü ö"}},
	} {
		got, err := argv.Split(tc.line)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("Split(%q) = %q, %v, want %q", tc.line, got, err, tc.want)
		}
	}
}

func TestSplitUnclosed(t *testing.T) {
	for line, place := range map[string]string{
		`'`:       "byte 1",
		`ab 'c`:   "byte 4",
		`"`:       "byte 1",
		`a "b\"`:  "byte 3",
		`a \`:     "byte 3",
		`"a" 'b"`: "byte 5",
	} {
		words, err := argv.Split(line)
		if !errors.Is(err, argv.ErrUnclosed) || !strings.Contains(err.Error(), place) || words != nil {
			t.Errorf("Split(%q) = %q, %v, want nothing and an unclosed one at %s", line, words, err, place)
		}
	}
}

// FuzzSplit quotes what came out and splits it again: the words must be the same.
func FuzzSplit(f *testing.F) {
	for _, line := range []string{"", "a b", `'a b'"c"`, `a\ b`, `"`, `'`, `\`, "é", `"\$"`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := argv.Split(line)
		if err != nil {
			return
		}
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		again, err := argv.Split(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(again, words) {
			t.Errorf("%q gave %q, and quoted again %q, %v", line, words, again, err)
		}
	})
}
