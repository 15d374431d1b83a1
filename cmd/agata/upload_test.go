package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUpload(t *testing.T) {
	f := newFakeCloud(t)
	large := strings.Repeat("0123456789", 300_000)
	write(t, "a/server.py", "server")
	write(t, "a/empty.py", "")
	write(t, `odd "name".bin`, large)
	r := f.ok("task", "upload", "digits", "a/server.py", "a/empty.py", `odd "name".bin`, "--format", "json")
	if f.taskID != "digits" || len(f.got) != 3 || f.got["server.py"] != "server" || f.got["empty.py"] != "" || f.got[`odd "name".bin`] != large {
		t.Errorf("got task %s, files %d", f.taskID, len(f.got))
	}
	if f.length < int64(len(large)) {
		t.Errorf("the length was not told: %d", f.length)
	}
	if !strings.Contains(r.err, "uploaded 3 files of task digits, 2.9 MiB") || strings.Contains(r.err, "\r") || !strings.Contains(r.out, "empty.py") {
		t.Errorf("got %+v", r)
	}
	f.ok("task", "upload", "digits", "a/server.py", "--folders")
	if f.got["a/server.py"] != "server" {
		t.Errorf("got %v", f.got)
	}
}

func TestUploadIsRefused(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		code   int
		text   string
	}{
		{400, `{"error": "Task ID is required"}`, exitUsage, "refuses the upload: Task ID is required"},
		{413, `{"error": "too large"}`, exitUsage, "max_file_mb in section [server.files]"},
		{401, "no", exitUnreachable, "does not allow the upload (sign in with agata login): no"},
		{500, "<html>", exitFailed, "500 Internal Server Error: <html>"},
		{200, "<html>", exitFailed, "something else than JSON"},
	} {
		f := newFakeCloud(t)
		f.files.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		})
		r := f.agata("task", "upload", "digits", write(t, "f", "x"))
		if r.code != tc.code || !strings.Contains(r.err, tc.text) {
			t.Errorf("%d: got %+v", tc.status, r)
		}
	}
}

func TestUploadThatStandsStill(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	file, err := openLocal("f", write(t, filepath.Join(t.TempDir(), "f"), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeFiles([]localFile{file})
	u := uploader{base: srv.URL, people: io.Discard, stall: 100 * time.Millisecond}
	_, err = u.send(t.Context(), "digits", []localFile{file})
	if !errors.Is(err, errStalled) || exitCode(err) != exitTimeout {
		t.Errorf("got %v", err)
	}
}

// A file that grows or shrinks while it is sent must not spoil the form.
func TestFormHasTheLengthThatItTells(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "f"), "12345")
	file, err := openLocal("f", path)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFiles([]localFile{file})
	body, length, _, err := form("digits", []localFile{file})
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "1234567890")
	b, err := io.ReadAll(body)
	if err != nil || int64(len(b)) != length || !bytes.Contains(b, []byte("12345\r\n")) {
		t.Errorf("%d bytes, told %d, %v: %s", len(b), length, err, b)
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, 100)
	p.add(50)
	p.end()
	if b.Len() != 0 {
		t.Errorf("not on a terminal: %q", b.String())
	}
	p = newProgress(&b, 4096)
	p.w = &b
	p.add(1024)
	if got := b.String(); got != "\r[=======                       ]  25 %  1.0 KiB of 4.0 KiB\x1b[K" {
		t.Errorf("got %q", got)
	}
	p.add(1) // too soon to be drawn
	p.add(3071)
	p.end()
	p.add(1) // after the end
	p.end()
	if got := b.String(); strings.Count(got, "\r") != 2 || !strings.Contains(got, "100 %") || !strings.HasSuffix(got, "\n") {
		t.Errorf("got %q", got)
	}
	if got := (&progress{}).line(time.Second); !strings.Contains(got, "100 %") {
		t.Errorf("nothing to send: %q", got)
	}
	if got := (&progress{total: 2048, sent: 2048}).line(2 * time.Second); !strings.HasSuffix(got, "2.0 KiB of 2.0 KiB, 1.0 KiB/s") {
		t.Errorf("the speed: %q", got)
	}
}

func TestSubmitStopsAtTheFirstFailure(t *testing.T) {
	folder := func(t *testing.T) {
		write(t, "d/task.json", `{"task_id": "digits", "server_files": ["server.py", "task.py"], "files_paths": ["client.py", "task.py"]}`)
		for _, name := range []string{"server.py", "client.py", "task.py"} {
			write(t, "d/"+name, name)
		}
	}
	functions := func(f *fakeCloud) (list []string) {
		for _, c := range f.called() {
			list = append(list, strings.TrimPrefix(c.function, "rpc_exec_"))
		}
		return list
	}
	t.Run("all of it", func(t *testing.T) {
		f := newFakeCloud(t)
		folder(t)
		r := f.ok("task", "submit", "d")
		if got := strings.Join(functions(f), " "); got != "create_task start_server_task" || len(f.got) != 3 || r.out != "" {
			t.Errorf("called %s, uploaded %v, printed %q", got, f.got, r.out)
		}
	})
	t.Run("create", func(t *testing.T) {
		f := newFakeCloud(t)
		folder(t)
		f.fails(contract.CreateTask.Name, 500, contract.TaskIDTaken)
		r := f.agata("task", "submit", "d")
		if r.code != exitFailed || len(functions(f)) != 1 || len(f.got) != 0 || !strings.Contains(r.err, "take another id") {
			t.Errorf("got %+v after %v", r, functions(f))
		}
	})
	t.Run("upload", func(t *testing.T) {
		f := newFakeCloud(t)
		folder(t)
		f.files.URL = "http://" + closedPort(t)
		r := f.agata("task", "submit", "d")
		if r.code != exitUnreachable || len(functions(f)) != 1 || !strings.Contains(r.err, "go on with agata task upload digits") {
			t.Errorf("got %+v after %v", r, functions(f))
		}
	})
	t.Run("start", func(t *testing.T) {
		f := newFakeCloud(t)
		folder(t)
		f.fails(contract.StartServerTask.Name, 500, "no such interpreter")
		r := f.agata("task", "submit", "d")
		if r.code != exitFailed || len(f.got) != 3 || !strings.Contains(r.err, "no such interpreter") || !strings.Contains(r.err, "go on with agata task start digits") {
			t.Errorf("got %+v", r)
		}
	})
}

func TestExitCodesOfUploads(t *testing.T) {
	if got := exitCode(rpc.Errorf(rpc.Deadline, "x: %w", errStalled)); got != exitTimeout {
		t.Errorf("got %d", got)
	}
}
