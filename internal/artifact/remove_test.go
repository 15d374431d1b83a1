package artifact

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestRemove(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "server.py", "a")
	put(t, s, "t1", "lib/deep/b.py", "b")
	put(t, s, "t2", "server.py", "kept")
	f, _, err := s.Open("t1", "server.py")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := s.Remove("t1"); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, tasksDir(s)); !slices.Equal(got, []string{"task_t2/", "task_t2/server.py"}) {
		t.Errorf("left: %v", got)
	}
	if data, err := io.ReadAll(f); err != nil || string(data) != "a" {
		t.Errorf("a download that was under way: %q, %v", data, err)
	}
	if err := s.Remove("t1"); err != nil {
		t.Errorf("once more: %v", err)
	}
	for _, id := range []string{"", "../x", ".staging", "a/b"} {
		if err := s.Remove(id); !errors.Is(err, ErrBadTaskID) {
			t.Errorf("Remove(%q): %v", id, err)
		}
	}
}

// A link in the place of a task's folder goes by itself; what it leads to stays.
func TestRemoveFollowsNoLink(t *testing.T) {
	s := newStore(t, Limits{})
	outside := t.TempDir()
	write(t, filepath.Join(outside, "precious"), "x")
	if err := os.Symlink(outside, filepath.Join(tasksDir(s), "task_t1")); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("t1"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(outside, "precious")); got != "x" || len(tree(t, tasksDir(s))) != 0 {
		t.Errorf("left: %q, %v", got, tree(t, tasksDir(s)))
	}
}

// What a crash leaves of a removal goes when the store is opened, however young.
func TestRemovalIsFinished(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "server.py", "a")
	if trash, err := s.discardTask("t1"); err != nil || trash == "" {
		t.Fatal(trash, err)
	}
	if got := tree(t, tasksDir(s)); !slices.ContainsFunc(got, func(name string) bool { return strings.HasSuffix(name, "server.py") }) {
		t.Fatalf("nothing is left to finish: %v", got)
	}
	again, err := NewStore(s.work, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := tree(t, tasksDir(s)); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestRemoveFile(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "server.py", "a")
	put(t, s, "t1", "lib/deep/b.py", "b")
	put(t, s, "t1", "lib/c.py", "c")
	put(t, s, "t2", "server.py", "other")
	dir, _ := s.Dir("t1")
	for link, to := range map[string]string{"link": "/etc/passwd", "other": "../task_t2", "inside": "lib"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]error{
		"": ErrBadPath, "..": ErrBadPath, "../task_t2/server.py": ErrBadPath, "/etc/passwd": ErrBadPath, "lib/../server.py": ErrBadPath,
		`lib\c.py`: ErrBadPath, "a\x00b": ErrBadPath, "x.partial": ErrBadPath,
		"absent": ErrNotFound, "lib": ErrNotFound, "link": ErrNotFound, "other/server.py": ErrNotFound, "server.py/x": ErrNotFound,
	} {
		if err := s.RemoveFile("t1", path); !errors.Is(err, want) {
			t.Errorf("RemoveFile(%q): %v, want %v", path, err, want)
		}
	}
	if err := s.RemoveFile("none", "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a task without files: %v", err)
	}
	if err := s.RemoveFile("../t", "x"); !errors.Is(err, ErrBadTaskID) {
		t.Errorf("of a bad id: %v", err)
	}
	steps := []struct {
		path string
		left []string // of the regular files and folders
	}{
		{"lib/deep/b.py", []string{"lib/", "lib/c.py", "server.py"}},
		{"inside/c.py", []string{"lib/", "server.py"}}, // by way of a link, whose folder stays
		{"server.py", []string{"lib/"}},
	}
	for _, step := range steps {
		if err := s.RemoveFile("t1", step.path); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(tree(t, dir), func(name string) bool { return name == "link" || name == "other" || name == "inside" })
		if !slices.Equal(got, step.left) {
			t.Errorf("without %s: %v, want %v", step.path, got, step.left)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "inside")); err != nil {
		t.Errorf("a link was taken for an empty folder: %v", err)
	}
	if got, err := s.List("t1"); err != nil || len(got) != 0 {
		t.Errorf("the task's own folder: %v, %v", got, err)
	}
}

// An upload into a folder that a removal empties is whole afterwards.
func TestRemoveFileBesideUploads(t *testing.T) {
	s := newStore(t, Limits{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 50 {
				in, err := s.NewIncoming()
				if err == nil {
					err = in.Add("lib/a.py", strings.NewReader("a"))
				}
				if err == nil {
					_, err = in.Commit("t1")
				}
				if err = errors.Join(err, in.Discard()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 50 {
		if err := s.RemoveFile("t1", "lib/a.py"); err != nil && !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
	wg.Wait()
}
