package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every verb has a line that says what it does, and those with arguments of
// their own show how they are used.
func TestEveryVerbHasHelp(t *testing.T) {
	verbs := []string{"overview", "task", "client", "events", "call", "services", "doctor", "login", "logout", "whoami", "operator", "audit"}
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.Contains(cmd.Short, "\n") || strings.HasSuffix(cmd.Short, ".") || len(cmd.Short) > 90 {
			t.Errorf("%s: Short is %q", cmd.CommandPath(), cmd.Short)
		}
		for line := range strings.Lines(cmd.Example) {
			if !strings.HasPrefix(line, "  agata ") {
				t.Errorf("%s: Example has %q", cmd.CommandPath(), line)
			}
		}
		if cmd.Example == "" {
			t.Errorf("%s has no Example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	c := &cli{}
	for _, cmd := range c.root().Commands() {
		if slices.Contains(verbs, cmd.Name()) {
			verbs = slices.DeleteFunc(verbs, func(v string) bool { return v == cmd.Name() })
			look(cmd)
		}
	}
	if len(verbs) > 0 {
		t.Errorf("the root lacks %v", verbs)
	}
}

func TestTabulate(t *testing.T) {
	var b bytes.Buffer
	tabulate(&b, []string{"A", "B", "C"}, [][]string{{"one", "", ""}, {"a\tb\nc", "\x1b[31mred\u202e", "x"}})
	const want = "A      B          C\none\na b c  \ufffd[31mred\ufffd  x\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestShortAndBytes(t *testing.T) {
	if got := short("äöüäöü", 5); got != "äö..." {
		t.Errorf("got %q", got)
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 5 << 30: "5.0 GiB", 5 << 40: "5120.0 GiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
