package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every constant is in the set, once, with its meaning.
func TestReasonsAreAClosedSet(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []Reason
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		declared = append(declared, Reason(value))
		return true
	})
	listed := Reasons()
	slices.Sort(declared)
	sorted := slices.Sorted(slices.Values(listed))
	if len(declared) < 15 || !slices.Equal(declared, sorted) {
		t.Errorf("declared are %q, listed %q", declared, sorted)
	}
	for _, r := range listed {
		if meaning := r.Meaning(); !strings.HasSuffix(meaning, ".") || strings.Count(meaning, ". ") > 0 {
			t.Errorf("%s: %q is not one sentence", r, meaning)
		}
	}
	if Reason("nonsense").Meaning() != "" {
		t.Error("an unknown reason has a meaning")
	}
}
