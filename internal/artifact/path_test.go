package artifact

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// hostilePaths must be refused by every door: ValidPath, download, upload, fetch.
var hostilePaths = map[string]string{
	"empty":             "",
	"dot":               ".",
	"parent":            "..",
	"parent file":       "../x.py",
	"parent inside":     "a/../../x.py",
	"parent that stays": "a/../x.py",
	"parent at the end": "a/..",
	"absolute":          "/etc/passwd",
	"double slash":      "a//b.py",
	"slash at the end":  "a/",
	"dot folder":        "./x.py",
	"backslash":         `..\x.py`,
	"drive":             `C:\x.py`,
	"NUL":               "x.py\x00.txt",
	"line break":        "x\n.py",
	"escape sequence":   "\x1b[31m.py",
	"right to left":     "x\u202eyp.exe",
	"not UTF-8":         "x\xff.py",
	"long name":         strings.Repeat("n", maxName+1),
	"long path":         strings.Repeat("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn/", 13) + "x",
	"deep":              strings.Repeat("d/", maxDepth) + "x",
	"reserved":          "x.py.partial",
}

func TestValidPath(t *testing.T) {
	for name, p := range hostilePaths {
		if err := ValidPath(p); !errors.Is(err, ErrBadPath) {
			t.Errorf("%s: ValidPath(%.40q) = %v, want ErrBadPath", name, p, err)
		}
	}
	for _, p := range []string{
		"server.py", "lib/model.py", ".env", "a b.py", "é.py", "...", "..x", "%2e%2e%2fx", "x.partial.py", "a:b",
		strings.Repeat("n", maxName), strings.Repeat("d/", maxDepth-1) + "x",
	} {
		if err := ValidPath(p); err != nil {
			t.Errorf("ValidPath(%.40q) = %v", p, err)
		}
	}
}

func TestValidTaskID(t *testing.T) {
	for _, id := range []string{"4fe5", "E", "a..b", "A_b-c.1", strings.Repeat("x", 128)} {
		if err := ValidTaskID(id); err != nil {
			t.Errorf("ValidTaskID(%q) = %v", id, err)
		}
	}
	for _, id := range []string{"", ".", "..", ".x", "-x", "_x", "a/b", `a\b`, "a b", "é", "a\x00", "../x", strings.Repeat("x", 129)} {
		if err := ValidTaskID(id); !errors.Is(err, ErrBadTaskID) {
			t.Errorf("ValidTaskID(%q) = %v, want ErrBadTaskID", id, err)
		}
	}
}

func FuzzValidPath(f *testing.F) {
	for _, p := range hostilePaths {
		f.Add(p)
	}
	f.Add("lib/model.py")
	f.Fuzz(func(t *testing.T, p string) {
		if ValidPath(p) != nil {
			return
		}
		const dir = "/work/tasks/task_x"
		got := filepath.Join(dir, p)
		if got != dir+"/"+p || !strings.HasPrefix(got, dir+"/") || len(filepath.Base(got)+partialSuffix) > 255 {
			t.Errorf("%q was accepted and names %q", p, got)
		}
	})
}
