package artifact

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	sumA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // of "a"
	sumB = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d" // of "b"
)

// age makes a file old enough for its digest to be remembered.
func age(t *testing.T, name string, by time.Duration) {
	t.Helper()
	if err := os.Chtimes(name, time.Time{}, time.Now().Add(-by)); err != nil {
		t.Fatal(err)
	}
}

func TestStoreDir(t *testing.T) {
	s := newStore(t, Limits{})
	if got, err := s.Dir("4fe5"); err != nil || got != s.work+"/tasks/task_4fe5" {
		t.Errorf("Dir = %q, %v", got, err)
	}
	if _, err := s.Dir("../x"); !errors.Is(err, ErrBadTaskID) {
		t.Errorf("Dir of a bad id: %v", err)
	}
}

func TestStoreList(t *testing.T) {
	s := newStore(t, Limits{})
	if _, err := s.List("t1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a task without a folder: %v, want ErrNotFound", err)
	}
	put(t, s, "t1", "server.py", "a")
	put(t, s, "t1", "lib/b.py", "b")
	put(t, s, "t1", "x.partial", "half")
	dir, _ := s.Dir("t1")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	got, err := s.List("t1")
	if err != nil {
		t.Fatal(err)
	}
	want := []File{{Path: "lib/b.py", Size: 1, SHA256: sumB}, {Path: "server.py", Size: 1, SHA256: sumA}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(File{}, "ModTime")); diff != "" {
		t.Error(diff)
	}
	if _, err := newStoreAt(t, s.work, Limits{Files: 1}).List("t1"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more files than the limit: %v, want ErrTooLarge", err)
	}
}

func newStoreAt(t *testing.T, work string, limits Limits) *Store {
	s, err := NewStore(work, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestDigestIsRememberedUntilTheFileChanges(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "f", "a")
	dir, _ := s.Dir("t1")
	name := filepath.Join(dir, "f")
	sum := func() string {
		files, err := s.List("t1")
		if err != nil {
			t.Fatal(err)
		}
		return files[0].SHA256
	}
	stamp := time.Now().Add(-time.Hour)
	if err := os.Chtimes(name, stamp, stamp); err != nil {
		t.Fatal(err)
	}
	if got := sum(); got != sumA {
		t.Fatalf("digest %s", got)
	}
	// Same size, time and inode: only what was remembered can answer "a".
	write(t, name, "b")
	if err := os.Chtimes(name, stamp, stamp); err != nil {
		t.Fatal(err)
	}
	if got := sum(); got != sumA {
		t.Errorf("the digest was computed again (%s)", got)
	}
	age(t, name, time.Minute)
	if got := sum(); got != sumB {
		t.Errorf("a new time stamp went unseen (%s)", got)
	}
	other := filepath.Join(dir, "g")
	write(t, other, "a")
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(other, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, name); err != nil {
		t.Fatal(err)
	}
	if got := sum(); got != sumA {
		t.Errorf("another inode went unseen (%s)", got)
	}
}

func TestDigestOfAFreshFileIsNotRemembered(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "f", "a")
	dir, _ := s.Dir("t1")
	stamp := time.Now()
	for _, tt := range []struct{ content, sum string }{{"a", sumA}, {"b", sumB}} {
		write(t, filepath.Join(dir, "f"), tt.content)
		if err := os.Chtimes(filepath.Join(dir, "f"), stamp, stamp); err != nil {
			t.Fatal(err)
		}
		f, file, err := s.Open("t1", "f")
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if time.Since(stamp) < settled && file.SHA256 != tt.sum {
			t.Errorf("content %q has digest %s", tt.content, file.SHA256)
		}
	}
}

func TestDigestOfTheSet(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "x", "a")
	put(t, s, "t1", "y", "b")
	digest := func(paths ...string) string {
		d, err := s.Digest("t1", paths)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	both := digest("x", "y")
	if digest("y", "x", "x") != both {
		t.Error("order or repetition changes the digest")
	}
	if digest("x") == both || digest("y") == digest("x") {
		t.Error("different sets have one digest")
	}
	put(t, s, "t1", "x", "b")
	put(t, s, "t1", "y", "a")
	if digest("x", "y") == both {
		t.Error("swapped contents have the same digest")
	}
	if _, err := s.Digest("t1", []string{"x", "missing"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestOpenStaysInside(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "lib/ok.py", "a")
	put(t, s, "t2", "secret.py", "b")
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, filepath.Join(outside, "f"), "b")
	dir, _ := s.Dir("t1")
	for link, target := range map[string]string{
		"abs": outside + "/f", "dir": outside, "other": "../task_t2/secret.py", "inside": "lib/ok.py", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("task_t2", filepath.Join(tasksDir(s), "task_alias")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ task, path string }{
		{"t1", "abs"}, {"t1", "dir/f"}, {"t1", "other"}, {"t1", "loop"}, {"t1", "lib"}, {"t1", "fifo"},
		{"t1", "missing"}, {"t1", "lib/ok.py/x"}, {"alias", "secret.py"}, {"t3", "x"},
	}
	for _, tt := range tests {
		f, _, err := s.Open(tt.task, tt.path)
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("Open(%s, %s) = %v, %v; want ErrNotFound", tt.task, tt.path, f, err)
		}
	}
	f, file, err := s.Open("t1", "inside")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := io.ReadAll(f); err != nil || string(data) != "a" || file.SHA256 != sumA {
		t.Errorf("read %q, %v, digest %s", data, err, file.SHA256)
	}
}

func TestConcurrentDigestsAgree(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "big", strings.Repeat("x", 1<<20))
	dir, _ := s.Dir("t1")
	age(t, filepath.Join(dir, "big"), time.Hour)
	var wg sync.WaitGroup
	sums := make([]string, 8)
	for i := range sums {
		wg.Go(func() {
			f, file, err := s.Open("t1", "big")
			if err != nil {
				t.Error(err)
				return
			}
			f.Close()
			sums[i] = file.SHA256
		})
	}
	wg.Wait()
	for _, sum := range sums {
		if sum != sums[0] || len(sum) != 64 {
			t.Errorf("digests differ: %v", sums)
		}
	}
}

func TestNewStoreClearsOldUploadsOnly(t *testing.T) {
	s := newStore(t, Limits{})
	for _, name := range []string{"old", "new"} {
		write(t, filepath.Join(tasksDir(s), stagingFolder, name, "0"), "half")
	}
	age(t, filepath.Join(tasksDir(s), stagingFolder, "old"), maxUploadAge+time.Hour)
	newStoreAt(t, s.work, Limits{})
	want := []string{".staging/new/", ".staging/new/0"}
	if diff := cmp.Diff(want, tree(t, tasksDir(s))); diff != "" {
		t.Error(diff)
	}
}
