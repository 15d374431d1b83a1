package bundle

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// when is the moment of signing in tests.
var when = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newKey(t testing.TB, name string) PrivateKey {
	t.Helper()
	k, err := NewKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

var content = map[string]string{"client.py": "import task\n", "task.py": "x = 1\n", "lib/model.py": "", "weights.bin": strings.Repeat("w", 1000)}

func describe(t testing.TB, name, text string) File {
	t.Helper()
	f, err := Describe(name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// files describes content.
func files(t testing.TB) (list []File) {
	t.Helper()
	for name, text := range content {
		list = append(list, describe(t, name, text))
	}
	return list
}

// folder is a task's folder that is signed and whole.
func folder(t testing.TB, k PrivateKey) (dir string, root *os.Root) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "task_digits")
	for name, text := range content {
		write(t, filepath.Join(dir, name), text)
	}
	manifest, signature, err := Sign("digits", files(t), when, k)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ManifestName), string(manifest))
	write(t, filepath.Join(dir, SignatureName), string(signature))
	return dir, open(t, dir)
}

func open(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func names() []string { return slices.Sorted(maps.Keys(content)) }
