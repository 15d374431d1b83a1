package artifact

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore(t testing.TB, limits Limits) *Store {
	t.Helper()
	s, err := NewStore(t.TempDir(), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// put writes a file of a task behind the store's back, as a task's process may.
func put(t testing.TB, s *Store, taskID, path, content string) {
	t.Helper()
	dir, err := s.Dir(taskID)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, path), content)
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// tree lists everything below dir except what is in no task: "a/b.py" "c/".
func tree(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel := strings.TrimPrefix(name, dir+"/")
		if entry.IsDir() {
			rel += "/"
		}
		if rel != stagingFolder+"/" { // the empty staging folder stays
			names = append(names, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func tasksDir(s *Store) string { return filepath.Join(s.work, tasksFolder) }

// credentials: task "t1" is ann's, "broken" cannot be looked up, no other exists.
func credentials(_ context.Context, taskID string) (user, pass string, found bool, err error) {
	switch taskID {
	case "t1":
		return "ann", "s3cret", true, nil
	case "broken":
		return "", "", false, errors.New("the disk is on fire")
	}
	return "", "", false, nil
}

func newServer(t testing.TB, s *Store) *httptest.Server {
	t.Helper()
	h, err := NewHandler(HandlerOptions{Store: s, Credentials: credentials, AllowOrigin: "*"})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, h)
}

func serve(t testing.TB, h http.Handler) *httptest.Server {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
