package launch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMayBeWarm(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		text string
		want bool
	}{
		"first":            {"# agata: warm\nimport os\n", true},
		"below its text":   {"\"\"\"A program.\n\nIt trains.\n\"\"\"\n# agata: warm  \r\nimport os\n", true},
		"without an end":   {"# agata: warm", true},
		"not asked for":    {"import os\n", false},
		"empty":            {"", false},
		"within a line":    {"x = 1  # agata: warm\n", false},
		"something else":   {"# agata: warmer\n", false},
		"another spelling": {"#agata:warm\n", false},
		"too far below":    {strings.Repeat("\n", warmLines) + "# agata: warm\n", false},
		"the last line":    {strings.Repeat("\n", warmLines-1) + "# agata: warm\n", true},
		"a long line":      {strings.Repeat("x", 100_000) + "\n# agata: warm\n", false},
		"no text":          {"\x00\xff\n# agata: warm\n", true},
	} {
		if err := os.WriteFile(filepath.Join(dir, "client.py"), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := MayBeWarm(dir, Client); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	if MayBeWarm(dir, Server) {
		t.Error("a program that is not there asks for something")
	}
}

func TestWarmSurroundings(t *testing.T) {
	s := Surroundings{Side: Client, Work: "/w", ClientID: "ada"}
	if s.Warm("py", nil, "/d") != nil {
		t.Error("an interpreter for no modules")
	}
	w := s.Warm("py", []string{"numpy"}, "/d")
	if w == nil || w.Python != "py" || w.Dir != "/d" || !slices.Equal(w.Modules, []string{"numpy"}) || !slices.Contains(w.Env, "FLWR_HOME=/w/flwr_home") {
		t.Errorf("got %+v", w)
	}
}
