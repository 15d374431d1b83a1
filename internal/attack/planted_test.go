package attack

import (
	"archive/zip"
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agata-fl/agata/internal/artifact"
)

// plant puts into a folder what leads elsewhere or never ends, at a name each.
func plant(w *world, dir, outside string) map[string]bool {
	w.Helper()
	names := map[string]bool{}
	for name, make := range map[string]func(path string) error{
		"symlink.py":  func(p string) error { return os.Symlink(outside, p) },
		"relative.py": func(p string) error { return os.Symlink("../../../../outside.txt", p) },
		"fifo.py":     func(p string) error { return syscall.Mkfifo(p, 0o666) },
		"socket.py": func(p string) error {
			l, err := net.Listen("unix", p)
			if err == nil {
				w.Cleanup(func() { _ = l.Close() })
			}
			return err
		},
		"folder.py": func(p string) error { return os.Mkdir(p, 0o755) },
		"loop.py":   func(p string) error { return os.Symlink("loop.py", p) },
		"null.py":   func(p string) error { return os.Symlink("/dev/zero", p) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			w.Fatal(err)
		}
		names[name] = true
	}
	return names
}

func TestWhatATaskPlantsInTheCloudIsNeverFollowed(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine", "server.py", "fine")
	w.write("outside.txt", "s3cret-content")
	outside := filepath.Join(w.dir, "outside.txt")
	dir := filepath.Join(w.data, "cloud", "tasks", "task_own")
	names := plant(w, dir, outside)
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	names["away/outside.txt"] = true
	for name := range names {
		if a := w.ask("viewer", "GET", "/api/v1/tasks/own/files/"+name, ""); a.status != 404 {
			t.Errorf("download of %s: %v", name, a)
		}
		a := w.ask("operator", "PUT", "/api/v1/tasks/own/files/"+name, "evil")
		if a.status >= 500 {
			t.Errorf("upload of %s: %v", name, a)
		}
	}
	if list := w.must(200, "viewer", "GET", "/api/v1/tasks/own/files", "").body; strings.Contains(list, "away") || strings.Contains(list, "outside.txt") {
		t.Errorf("the list is %s", list)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "s3cret-content" {
		t.Errorf("the file outside is now %q, %v", b, err)
	}

	// A program that is a link is not run, and a task whose folder is one neither.
	w.write("evil.sh", "#!/bin/sh\ntouch "+filepath.Join(w.dir, "ran")+"\n")
	for _, id := range []string{"linked", "moved"} {
		w.task(id, "client.py", "fine")
	}
	tasks := filepath.Join(w.data, "cloud", "tasks")
	if err := os.Symlink(filepath.Join(w.dir, "evil.sh"), filepath.Join(tasks, "task_linked", "server")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(tasks, "task_moved")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(w.dir, filepath.Join(tasks, "task_moved")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"linked", "moved"} {
		if a := w.ask("operator", "POST", "/api/v1/tasks/"+id+"/start", "{}"); a.status < 400 {
			t.Errorf("start of %s: %v", id, a)
		}
		if got := w.state(id); got == "running" {
			t.Errorf("%s is %s", id, got)
		}
	}
	w.ask("operator", "PUT", "/api/v1/tasks/moved/files/planted.txt", "evil")
	for _, name := range []string{"ran", "planted.txt"} {
		if _, err := os.Lstat(filepath.Join(w.dir, name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

func TestWhatATaskPlantsOnAClientIsNeverWrittenThrough(t *testing.T) {
	w := &world{TB: t, dir: t.TempDir()}
	w.write("outside.txt", "keep this")
	outside := filepath.Join(w.dir, "outside.txt")
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte("from the cloud"))
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	fetcher, err := artifact.NewFetcher(artifact.FetcherOptions{BaseURL: "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer fetcher.Close()
	dir := filepath.Join(w.dir, "task_a")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	names := plant(w, dir, outside)
	for _, name := range []string{"hard.py", "hard2.py.partial", "soft.py.partial"} {
		link := os.Link
		if strings.HasPrefix(name, "soft") {
			link = os.Symlink
		}
		if err := link(outside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		names[strings.TrimSuffix(name, ".partial")] = true
	}
	if err := os.Symlink(w.dir, filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.py.partial"), 0o666); err != nil {
		t.Fatal(err)
	}
	names["pipe.py"], names["away/outside.txt"], names["away/new.txt"] = true, true, true
	for name := range names {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := fetcher.Fetch(ctx, artifact.Request{TaskID: "a", User: "u", Password: "p", Paths: []string{name}, Dir: dir})
		cancel()
		if ctx.Err() == context.DeadlineExceeded {
			t.Errorf("%s: the download hangs: %v", name, err)
		}
		if err == nil {
			if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%s is now %v, %v", name, info, err)
			}
		}
		if b, err := os.ReadFile(outside); err != nil || string(b) != "keep this" {
			t.Fatalf("after %s the file outside is %q, %v", name, b, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(w.dir, "new.txt")); err == nil {
		t.Error("a file was made outside")
	}
}

func TestAnArchiveStaysAFile(t *testing.T) {
	w := newWorld(t)
	w.task("own")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"../../outside.txt", "/tmp/outside.txt", "server.py"} {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(bytes.Repeat([]byte("0"), 1<<20)); err != nil { // a small bomb
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	before := w.tree()
	w.must(201, "operator", "PUT", "/api/v1/tasks/own/files/code.zip", b.String())
	w.must(201, "operator", "PUT", "/api/v1/tasks/own/files/code.tar.gz", "\x1f\x8b"+b.String(), "Content-Type", "application/gzip")
	dir := "cloud/cloud/tasks/task_own"
	for _, name := range []string{"", "/code.zip", "/code.tar.gz"} {
		before[dir+name] = true
	}
	w.unchanged(before)
	if a := w.must(200, "viewer", "GET", "/api/v1/tasks/own/files/code.zip", ""); a.body != b.String() {
		t.Errorf("%d bytes came back of %d", len(a.body), b.Len())
	}
	if a := w.ask("operator", "POST", "/api/v1/tasks/own/start", "{}"); a.status < 400 {
		t.Errorf("what is in the archive was run: %v", a)
	}
}
