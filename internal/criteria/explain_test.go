package criteria

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// Each line of testdata/explain.txt is explained to each client; the golden file
// holds the trees and the reasons.
func TestExplainGolden(t *testing.T) {
	sources, err := os.ReadFile(filepath.Join("testdata", "explain.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	attrs := clientAttrs(t)
	for i := range attrs {
		fmt.Fprintf(&got, "client %d: %s\n", i+1, clients[i])
	}
	for src := range strings.SplitSeq(strings.TrimSpace(string(sources)), "\n") {
		x, err := Compile(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		for i, a := range attrs {
			why := x.Explain(a)
			fmt.Fprintf(&got, "\n== client %d\n%s", i+1, why)
			for _, reason := range why.Reasons() {
				fmt.Fprintf(&got, "- %s\n", reason)
			}
			if ok, _ := x.Eval(a); ok != why.Selected() {
				t.Errorf("client %d, %s: Eval says %t, Explain %t", i+1, src, ok, why.Selected())
			}
		}
	}
	golden := filepath.Join("testdata", "explain.golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("run with -update if this is meant:\n%s", diff)
	}
}

func TestExplainMarksWhatBlocks(t *testing.T) {
	attrs := map[string]any{"n": int64(5), "acc": nil}
	tests := map[string][]string{
		`n > 1`:                                  nil,
		`n > 9`:                                  {"n > 9"},
		`n > 9 and n > 1 and n > 8`:              {"n > 9", "n > 8"},
		`n > 9 or n > 8`:                         {"n > 9", "n > 8"},
		`acc is not None and acc > 3`:            {"acc is not None"}, // the guarded error is no reason of its own
		`acc > 3 or n > 1`:                       {"acc > 3"},
		`n > 9 or acc > 3 or n > 8`:              {"acc > 3"},
		`n > 1 and (n > 9 or gone) and n > 7`:    {"gone", "n > 7"},
		`n > 9 and (n > 8 or n > 7)`:             {"n > 9", "n > 8", "n > 7"},
		`not (n > 1 and n > 2)`:                  {"not (n > 1 and n > 2)"},
		`n > 1 and ((n > 2) and (n > 9)) or n>8`: {"n > 9", "n>8"},
	}
	for src, want := range tests {
		x, err := Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, blocking(x.Explain(attrs))); diff != "" {
			t.Errorf("%s: %s", src, diff)
		}
	}
}

func blocking(c Explanation) (sources []string) {
	if len(c.Clauses) == 0 && c.Blocks {
		return []string{c.Source}
	}
	for _, clause := range c.Clauses {
		sources = append(sources, blocking(clause)...)
	}
	return sources
}

func TestExplainShortensAndEncodes(t *testing.T) {
	if _, err := Compile("\"x\" in\n text"); err == nil {
		t.Fatal("a line break outside of brackets was accepted")
	}
	x, err := Compile("(\"x\" in\n text) or odd")
	if err != nil {
		t.Fatal(err)
	}
	why := x.Explain(map[string]any{"text": strings.Repeat("é", 500), "odd": struct{}{}})
	got, err := json.Marshal(why.Clauses)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"source":"\"x\" in\n text","outcome":"false","values":[{"name":"text","value":"'` + strings.Repeat("é", 76) + `..."}]},` +
		`{"source":"odd","outcome":"error","error":"an attribute of type struct {} cannot be used: only text, numbers, booleans, null and lists","blocks":true,"values":[{"name":"odd","value":"\u003cstruct {}\u003e"}]}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if strings.Count(why.String(), "\n") != 3 {
		t.Errorf("a clause takes more than its line:\n%s", why)
	}
}

// Clauses that are cheap by themselves may be too much together.
func TestExplainAgreesAtTheLimit(t *testing.T) {
	clause := "not any(False for x in [0] * 9000)"
	x, err := Compile(strings.Repeat(clause+" and ", 20) + clause)
	if err != nil {
		t.Fatal(err)
	}
	why := x.Explain(nil)
	if _, err := x.Eval(nil); err == nil || why.Outcome != OutcomeError || len(why.Reasons()) != 1 {
		t.Errorf("Eval: %v, Explain: %s %v", err, why.Outcome, why.Reasons())
	}
}
