package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// verify is what is done right before a start.
func verify(root *os.Root, task string, paths []string, trusted Keys) error {
	v, err := ReadVerified(root, task, trusted)
	if err != nil {
		return err
	}
	if paths == nil {
		paths = v.Manifest.Paths()
	}
	return v.Manifest.Check(root, paths)
}

func TestFolder(t *testing.T) {
	ada := newKey(t, "ada")
	trusted := NewKeys(ada.Public())
	dir, root := folder(t, ada)
	v, err := ReadVerified(root, "digits", trusted)
	if err != nil || v.Signer != "ada" || !ValidDigest(v.Digest) {
		t.Fatalf("%+v, %v", v, err)
	}
	if err := v.Manifest.Check(root, names()); err != nil {
		t.Error(err)
	}
	if err := verify(root, "Digits", nil, trusted); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "signed for task digits") {
		t.Errorf("another task's: %v", err)
	}
	// A client has some of the files, and nothing else.
	if err := v.Manifest.Check(root, []string{"client.py", "task.py"}); !errors.Is(err, ErrContent) {
		t.Errorf("with the server's files: %v", err)
	}
	for _, name := range []string{"weights.bin", "lib"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Manifest.Check(root, []string{"client.py", "task.py"}); err != nil {
		t.Error(err)
	}
	if err := v.Manifest.Check(root, []string{"client.py", "task.py", "other.py"}); !errors.Is(err, ErrContent) {
		t.Errorf("a file that was not signed: %v", err)
	}
}

func TestFlippedBytesOfFiles(t *testing.T) {
	ada := newKey(t, "ada")
	trusted := NewKeys(ada.Public())
	dir, root := folder(t, ada)
	for _, name := range []string{"client.py", "weights.bin", ManifestName, SignatureName} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(text); i += max(1, len(text)/40) {
			changed := slices.Clone(text)
			changed[i] ^= 1 << (i % 8)
			write(t, path, string(changed))
			if err := verify(root, "digits", nil, trusted); !errors.Is(err, ErrContent) && !errors.Is(err, ErrUntrusted) {
				t.Fatalf("%s, byte %d: %v", name, i, err)
			}
		}
		write(t, path, string(text))
	}
	if err := verify(root, "digits", nil, trusted); err != nil {
		t.Error(err)
	}
}

// Whatever is in the folder that was not signed refuses the start.
func TestFolderThatIsNotTheBundle(t *testing.T) {
	ada := newKey(t, "ada")
	trusted := NewKeys(ada.Public())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		change func(dir string)
		want   error
	}{
		"no manifest":          {func(d string) { must(os.Remove(filepath.Join(d, ManifestName))) }, ErrUntrusted},
		"no signature":         {func(d string) { must(os.Remove(filepath.Join(d, SignatureName))) }, ErrUntrusted},
		"missing":              {func(d string) { must(os.Remove(filepath.Join(d, "task.py"))) }, ErrContent},
		"longer":               {func(d string) { write(t, filepath.Join(d, "task.py"), content["task.py"]+"x") }, ErrContent},
		"empty":                {func(d string) { write(t, filepath.Join(d, "task.py"), "") }, ErrContent},
		"extra":                {func(d string) { write(t, filepath.Join(d, "numpy.py"), "evil") }, ErrContent},
		"extra, hidden":        {func(d string) { write(t, filepath.Join(d, ".x"), "") }, ErrContent},
		"extra, deep":          {func(d string) { write(t, filepath.Join(d, "lib/x.so"), "") }, ErrContent},
		"extra folder":         {func(d string) { must(os.Mkdir(filepath.Join(d, "numpy"), 0o755)) }, ErrContent},
		"compiled":             {func(d string) { write(t, filepath.Join(d, "__pycache__/task.cpython-312.pyc"), "evil") }, ErrContent},
		"in capitals":          {func(d string) { write(t, filepath.Join(d, "Task.py"), "evil") }, ErrContent},
		"renamed":              {func(d string) { must(os.Rename(filepath.Join(d, "task.py"), filepath.Join(d, "Task.py"))) }, ErrContent},
		"swapped":              {func(d string) { write(t, filepath.Join(d, "client.py"), content["task.py"]) }, ErrContent},
		"unfinished":           {func(d string) { write(t, filepath.Join(d, "task.py.partial"), "") }, ErrContent},
		"a pipe":               {func(d string) { replace(t, d, "task.py", func(p string) error { return syscall.Mkfifo(p, 0o644) }) }, ErrContent},
		"a folder":             {func(d string) { replace(t, d, "task.py", func(p string) error { return os.Mkdir(p, 0o755) }) }, ErrContent},
		"a link out":           {func(d string) { link(t, d, "task.py", outside(t, content["task.py"])) }, ErrContent},
		"a link inside":        {func(d string) { write(t, filepath.Join(d, "lib/model.py"), ""); link(t, d, "task.py", "lib/model.py") }, ErrContent},
		"a linked folder":      {func(d string) { link(t, d, "lib", filepath.Dir(outside(t, ""))) }, ErrContent},
		"a linked manifest":    {func(d string) { link(t, d, ManifestName, outside(t, read(t, filepath.Join(d, ManifestName)))) }, ErrUntrusted},
		"a manifest as a pipe": {func(d string) { replace(t, d, ManifestName, func(p string) error { return syscall.Mkfifo(p, 0o644) }) }, ErrUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			dir, root := folder(t, ada)
			if err := verify(root, "digits", nil, trusted); err != nil {
				t.Fatal(err)
			}
			tc.change(dir)
			if err := verify(root, "digits", nil, trusted); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	dir, _ := folder(t, ada)
	away := filepath.Join(t.TempDir(), "link")
	must(os.Symlink(dir, away))
	if _, err := OpenFolder(away); !errors.Is(err, ErrContent) {
		t.Errorf("the folder is a link: %v", err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func replace(t testing.TB, dir, name string, by func(path string) error) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := by(path); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, dir, name, to string) {
	t.Helper()
	replace(t, dir, name, func(path string) error { return os.Symlink(to, path) })
}

// outside is a file elsewhere.
func outside(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.py")
	write(t, path, text)
	return path
}

func TestClean(t *testing.T) {
	ada := newKey(t, "ada")
	dir, root := folder(t, ada)
	for _, name := range []string{"old.py", "lib/old.py", "lib/__pycache__/model.cpython-312.pyc", "__pycache__/task.pyc", "deep/er/x", "task.py.partial"} {
		write(t, filepath.Join(dir, name), "x")
	}
	link(t, dir, "lnk", "/")
	removed, err := Clean(root, names())
	want := []string{"__pycache__", "deep", "lib/__pycache__", "lib/old.py", "lnk", "old.py", "task.py.partial"}
	if slices.Sort(removed); err != nil || !slices.Equal(removed, want) {
		t.Errorf("removed %q, %v", removed, err)
	}
	if err := verify(root, "digits", nil, NewKeys(ada.Public())); err != nil {
		t.Error(err)
	}
	if removed, err := Clean(root, names()); err != nil || len(removed) != 0 {
		t.Errorf("removed %q, %v", removed, err)
	}
	write(t, filepath.Join(dir, "lib/__pycache__/x"), "x")
	write(t, filepath.Join(dir, "lib/y"), "y")
	if err := CleanCaches(root); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "lib/__pycache__")); !errors.Is(err, os.ErrNotExist) {
		t.Error("compiled code is still there")
	}
	if read(t, filepath.Join(dir, "lib/y")) != "y" {
		t.Error("more than compiled code is gone")
	}
}

func TestList(t *testing.T) {
	dir, root := folder(t, newKey(t, "ada"))
	for _, name := range []string{"__pycache__/x", ".git/config", "lib/.hidden", "task.json"} {
		write(t, filepath.Join(dir, name), "x")
	}
	got, err := List(root, func(name string) bool { return name == "task.json" })
	if err != nil || !slices.Equal(got, names()) {
		t.Errorf("got %q, %v", got, err)
	}
	link(t, dir, "lnk", "task.py")
	if _, err := List(root, nil); err == nil {
		t.Error("a link was listed")
	}
}
