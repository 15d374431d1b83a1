package artifact

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPresent(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "client.py", "a")
	put(t, s, "t1", "lib/model.py", "b")
	server := serve(t, ours(t, s))
	f := newFetcher(t, server.URL, Limits{})
	dir := filepath.Join(t.TempDir(), "task_t1")
	req := request(dir, "client.py", "lib/model.py", "client.py")
	known, err := f.Fetch(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	server.Close() // from here on there is no network
	got, err := Present(req, known)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(known, got); diff != "" {
		t.Error(diff)
	}

	path := filepath.Join(dir, "client.py")
	for name, tt := range map[string]struct {
		spoil func()
		is    error
	}{
		"a flipped bit":    {func() { write(t, path, "b") }, ErrDigest},
		"torn":             {func() { write(t, path, "") }, ErrDigest},
		"longer":           {func() { write(t, path, "aa") }, ErrDigest},
		"gone":             {func() {}, ErrNotFound},
		"a link elsewhere": {func() { link(t, filepath.Join(dir, "lib/model.py"), path) }, ErrBadPath},
		"a folder":         {func() { mkdir(t, path) }, ErrBadPath},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			tt.spoil()
			if _, err := Present(req, known); !errors.Is(err, tt.is) {
				t.Errorf("%v, want %v", err, tt.is)
			}
		})
	}
	if _, err := Present(request(dir, "lib/model.py", "other.py"), known); !errors.Is(err, ErrNotFound) {
		t.Errorf("a file that was never downloaded: %v", err)
	}
	if _, err := Present(request(filepath.Join(dir, "nowhere"), "lib/model.py"), known); !errors.Is(err, ErrNotFound) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := Present(request(dir, "../x"), []File{{Path: "../x"}}); !errors.Is(err, ErrBadPath) {
		t.Errorf("a file outside: %v", err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
}
