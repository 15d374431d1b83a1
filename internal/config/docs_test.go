package config

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocumentation keeps the table of docs/configuration.md equal to the fields.
func TestDocumentation(t *testing.T) {
	const path = "../../docs/configuration.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), "<!-- settings:")
	note, rest, ok2 := strings.Cut(rest, "-->\n")
	_, tail, ok3 := strings.Cut(rest, "<!-- end of settings -->")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("%s lacks the marks around the table of settings", path)
	}
	var b strings.Builder
	last := ""
	for _, f := range fields() {
		if f.section() != last {
			last = f.section()
			fmt.Fprintf(&b, "\n### [%s]\n\n| key | default | meaning | environment |\n|---|---|---|---|\n", last)
		}
		def := cmp.Or(f.def, "(derived)")
		if f.def != "" {
			def = "`" + f.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", f.key(), def, f.doc, f.env())
	}
	golden(t, path, head+"<!-- settings:"+note+"-->\n"+b.String()+"\n<!-- end of settings -->"+tail)
}

// TestShippedFile: the config.ini of the repository sets nothing but defaults,
// and at least what Python programs read.
func TestShippedFile(t *testing.T) {
	const path = "../../config.ini"
	c, err := Load(LoadOptions{Path: path, Hostname: "h"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields() {
		fromFile := c.Source(f.name).Kind == FromFile
		if f.peers && !fromFile {
			t.Errorf("%s lacks %s, which Python programs read", path, f.name)
		}
		if got := f.value(c).text(); fromFile && got != f.def {
			t.Errorf("%s sets %s = %s, but the default is %s", path, f.name, got, f.def)
		}
	}
	if len(c.Info.Attributes) > 0 {
		t.Errorf("%s sets attributes: %v", path, c.Info.Attributes)
	}
}
