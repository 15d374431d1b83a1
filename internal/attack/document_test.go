package attack

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesTestsThatAre: SECURITY.md names each test of this package, and
// none that is not there.
func TestSecurityNamesTestsThatAre(t *testing.T) {
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, pattern := range []string{"*_test.go", "../*/*_test.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(paths, err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(pattern, "*") {
				for _, m := range regexp.MustCompile(`(?m)^func (Test(?:No|Wh|An|Sl|Ma)\w+)\(t \*testing\.T`).FindAllStringSubmatch(string(b), -1) {
					if !strings.Contains(string(text), "`"+m[1]+"`") {
						t.Errorf("SECURITY.md does not name %s", m[1])
					}
				}
			}
			sources.Write(b)
		}
	}
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(sources.String(), "func "+m[1]+"(") {
			t.Errorf("SECURITY.md names %s, which is not there", m[1])
		}
	}
}
