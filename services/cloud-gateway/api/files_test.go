package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestFilesGoUpAndDown(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	content := strings.Repeat("0123456789", 50_000)
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	for _, path := range []string{"server.py", "lib/a%20b.py", "lib/%C3%BC%22%3B.bin"} {
		a := w.ask("PUT", "/tasks/t1/files/"+path, content)
		file := decode[UploadedFile](w, a, 201)
		if file.Size != int64(len(content)) || file.SHA256 != digest {
			t.Errorf("got %s", a.body)
		}
		down := w.ask("GET", "/tasks/t1/files/"+path, nil)
		if down.status != 200 || down.body != content || down.header.Get("ETag") != `"`+digest+`"` || down.header.Get("Content-Length") != "500000" ||
			!strings.HasPrefix(down.header.Get("Content-Disposition"), "attachment") || down.header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: %d %v, %d bytes", path, down.status, down.header, len(down.body))
		}
		if a := w.ask("GET", "/tasks/t1/files/"+path, nil, "Range", "bytes=10-19"); a.status != 206 || a.body != "0123456789" || a.header.Get("Content-Range") != "bytes 10-19/500000" {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
		if a := w.ask("GET", "/tasks/t1/files/"+path, nil, "If-None-Match", `"`+digest+`"`); a.status != 304 || a.body != "" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := w.ask("HEAD", "/tasks/t1/files/"+path, nil); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "500000" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	if p := w.ask("GET", "/tasks/t1/files/server.py", nil, "Range", "bytes=9999999-"); p.header.Get("Content-Range") != "bytes */500000" {
		t.Errorf("got %v", p.header)
	} else {
		w.wantProblem(p, 416, "range_not_satisfiable")
	}
	files := decode[contract.TaskFiles](w, w.ask("GET", "/tasks/t1/files", nil), 200)
	if len(files.Files) != 3 || files.Files[0].Path != "lib/a b.py" || files.Missing == nil {
		t.Errorf("got %+v", files)
	}
	if a := w.ask("DELETE", "/tasks/t1/files/server.py", nil); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.wantProblem(w.ask("DELETE", "/tasks/t1/files/server.py", nil), 404, "not_found")
	w.wantProblem(w.ask("GET", "/tasks/t1/files/server.py", nil), 404, "not_found")
}

func TestFilesThatAreRefused(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxFileBytes = 4 * maxTestFile })
	w.ask("POST", "/tasks", newTask("t1"))
	for _, path := range []string{"", "a.partial", "%2e%2e/x", "a%5Cb", "a%00b", strings.Repeat("a", 300)} {
		for _, method := range []string{"PUT", "GET", "DELETE"} {
			a := w.ask(method, "/tasks/t1/files/"+path, nil)
			if strings.HasPrefix(path, "%2e") { // it leads elsewhere, before there is a file to name
				w.wantProblem(a, 404, "not_found")
			} else if p := w.wantProblem(a, 400, "invalid"); p.Fields["path"] == "" {
				t.Errorf("%s %q: %+v", method, path, p)
			}
		}
	}
	// The file service's own limit is smaller here.
	if p := w.wantProblem(w.ask("PUT", "/tasks/t1/files/big", strings.Repeat("x", maxTestFile+1)), 413, "too_large"); !strings.Contains(p.Hint, "max_file_mb") {
		t.Errorf("problem %+v", p)
	}
	w.wantProblem(w.ask("PUT", "/tasks/t1/files/big", strings.Repeat("x", 4*maxTestFile+1)), 413, "too_large")
	// A folder is in the way of a file.
	w.ask("PUT", "/tasks/t1/files/lib/a", "x")
	if p := w.wantProblem(w.ask("PUT", "/tasks/t1/files/lib", "x"), 400, "invalid"); p.Fields["path"] == "" {
		t.Errorf("problem %+v", p)
	}
}

func TestUploadThatBreaksOffLeavesNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "PUT /api/v1/tasks/t1/files/server.py HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 50_000))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // a part of it is under way
	conn.Close()
	w.stop() // waits for the request
	if _, err := w.cloud.files.List("t1"); err == nil {
		t.Error("a part of a file was stored")
	}
}

func TestFileServiceThatFails(t *testing.T) {
	var status int
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":"because"}`)
	}))
	defer broken.Close()
	url := broken.URL
	w := newWorld(t, func(o *Options) { o.FilesURL = func() string { return url } })
	w.ask("POST", "/tasks", newTask("t1"))
	for _, tc := range []struct {
		status, want int
		code         string
	}{{401, 502, "unavailable"}, {403, 502, "unavailable"}, {500, 502, "unavailable"}, {302, 502, "unavailable"}, {503, 503, "unavailable"}, {404, 404, "not_found"}, {413, 413, "too_large"}, {400, 400, "invalid"}} {
		status = tc.status
		for _, method := range []string{"GET", "PUT"} {
			if p := w.wantProblem(w.ask(method, "/tasks/t1/files/a", "x"), tc.want, tc.code); p.Hint == "" {
				t.Errorf("%d: %+v", tc.status, p)
			}
		}
	}
	url = "http://127.0.0.1:1"
	for _, method := range []string{"GET", "PUT"} {
		if p := w.wantProblem(w.ask(method, "/tasks/t1/files/a", strings.Repeat("x", 100_000)), 503, "unavailable"); !strings.Contains(p.Detail, "127.0.0.1:1") || !strings.Contains(p.Hint, "cloud-task-manager") {
			t.Errorf("problem %+v", p)
		}
	}
	url = ""
	w.wantProblem(w.ask("GET", "/tasks/t1/files/a", nil), 503, "unavailable")
}

// TestDownloadThatBreaksOff: a part must not look whole.
func TestDownloadThatBreaksOff(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 10_000)) // of unknown length
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer broken.Close()
	w := newWorld(t, func(o *Options) { o.FilesURL = func() string { return broken.URL } })
	w.ask("POST", "/tasks", newTask("t1"))
	req, err := http.NewRequestWithContext(context.Background(), "GET", w.url+Prefix+"/tasks/t1/files/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes look like the whole", len(b))
	}
}
