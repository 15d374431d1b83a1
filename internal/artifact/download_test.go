package artifact

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewHandlerNeedsItsParts(t *testing.T) {
	for _, opts := range []HandlerOptions{{}, {Credentials: credentials}, {Store: &Store{}}} {
		if _, err := NewHandler(opts); err == nil {
			t.Errorf("NewHandler(%+v) accepted", opts)
		}
	}
}

func TestDownload(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "client.py", "a")
	put(t, s, "t1", "lib/é ü.bin", "b")
	put(t, s, "t2", "secret", "x")
	dir, _ := s.Dir("t1")
	if err := os.Symlink(filepath.Join(tasksDir(s), "task_t2", "secret"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, s)

	const login = `WWW-Authenticate=Basic realm="Login Required"`
	const json = "Content-Type=application/json"
	tests := map[string]struct {
		request    string // METHOD path [header=value]...
		user, pass string
		status     int
		body       string
		headers    []string
	}{
		"file": {"GET /download/t1/client.py", "ann", "s3cret", 200, "a", []string{
			`ETag="` + sumA + `"`, "Content-Type=application/octet-stream", "Content-Disposition=attachment; filename=client.py",
			"Accept-Ranges=bytes", "Content-Length=1", "X-Content-Type-Options=nosniff", "Access-Control-Allow-Origin=",
		}},
		"below a folder":  {"GET /download/t1/lib/%C3%A9%20%C3%BC.bin", "ann", "s3cret", 200, "b", []string{"Content-Disposition=attachment; filename*=utf-8''%C3%A9%20%C3%BC.bin"}},
		"head":            {"HEAD /download/t1/client.py", "ann", "s3cret", 200, "", []string{`ETag="` + sumA + `"`, "Content-Length=1"}},
		"range":           {"GET /download/t1/client.py Range=bytes=1-", "ann", "s3cret", 416, "invalid range: failed to overlap\n", nil},
		"same":            {"GET /download/t1/client.py If-None-Match=\"" + sumA + "\"", "ann", "s3cret", 304, "", nil},
		"changed":         {"GET /download/t1/client.py If-None-Match=\"" + sumB + "\"", "ann", "s3cret", 200, "a", nil},
		"range of old":    {"GET /download/t1/client.py Range=bytes=0-0 If-Range=\"" + sumB + "\"", "ann", "s3cret", 200, "a", nil},
		"range of this":   {"GET /download/t1/client.py Range=bytes=0-0 If-Range=\"" + sumA + "\"", "ann", "s3cret", 206, "a", []string{"Content-Range=bytes 0-0/1"}},
		"no credentials":  {"GET /download/t1/client.py", "", "", 401, `{"error":"Wrong user name or password for this task"}` + "\n", []string{login, json}},
		"wrong password":  {"GET /download/t1/client.py", "ann", "s3cre", 401, "", []string{login, json}},
		"wrong user":      {"GET /download/t1/client.py", "bob", "s3cret", 401, "", []string{login, json}},
		"wrong, no file":  {"GET /download/t1/missing", "ann", "", 401, "", []string{login, json}},
		"no such file":    {"GET /download/t1/missing", "ann", "s3cret", 404, `{"error":"File not found"}` + "\n", []string{json, "ETag="}},
		"no such task":    {"GET /download/t9/client.py", "", "", 404, `{"error":"Task not found"}` + "\n", []string{json}},
		"not registered":  {"GET /download/t2/secret", "", "", 404, `{"error":"Task not found"}` + "\n", []string{json}},
		"bad task":        {"GET /download/..%2ft1/client.py", "ann", "s3cret", 404, "", []string{json}},
		"no file at all":  {"GET /download/t1", "ann", "s3cret", 404, "", []string{json}},
		"link out":        {"GET /download/t1/link", "ann", "s3cret", 404, `{"error":"File not found"}` + "\n", []string{json}},
		"encoded parent":  {"GET /download/t1/%2e%2e%2ftask_t2%2fsecret", "ann", "s3cret", 404, "", []string{json}},
		"twice encoded":   {"GET /download/t1/%252e%252e%252ftask_t2%252fsecret", "ann", "s3cret", 404, "", []string{json}},
		"plain parent":    {"GET /download/t1/../task_t2/secret", "ann", "s3cret", 404, "", []string{json}},
		"encoded slashes": {"GET /download/t1/%2fetc%2fpasswd", "ann", "s3cret", 404, "", []string{json}},
		"lookup fails":    {"GET /download/broken/x", "ann", "s3cret", 503, "", []string{json}},
		"post":            {"POST /download/t1/client.py", "ann", "s3cret", 405, "", []string{json, "Allow=GET, HEAD"}},
		"another path":    {"GET /", "", "", 404, "", []string{json}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			resp, body := do(t, srv, tt.request, tt.user, tt.pass)
			if resp.StatusCode != tt.status || tt.body != "" && body != tt.body {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			for _, header := range tt.headers {
				key, want, _ := strings.Cut(header, "=")
				if got := resp.Header.Get(key); got != want {
					t.Errorf("%s: %q, want %q", key, got, want)
				}
			}
		})
	}
}

// do sends a request whose path goes on the wire as it is written.
func do(t *testing.T, srv *httptest.Server, request, user, pass string) (*http.Response, string) {
	t.Helper()
	fields := strings.Fields(request)
	req, err := http.NewRequestWithContext(t.Context(), fields[0], srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = "//" + req.URL.Host + fields[1]
	for _, header := range fields[2:] {
		key, value, _ := strings.Cut(header, "=")
		req.Header.Set(key, value)
	}
	if user != "" {
		req.SetBasicAuth(user, pass)
	}
	resp, err := srv.Client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestDownloadRefusesHostilePaths(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "x.py", "a")
	write(t, filepath.Join(tasksDir(s), "x.py"), "outside")
	srv := newServer(t, s)
	for name, path := range hostilePaths {
		for kind, wire := range map[string]string{"escaped": url.PathEscape(path), "by part": (&url.URL{Path: path}).EscapedPath()} {
			resp, body := do(t, srv, "GET /download/t1/"+wire, "ann", "s3cret")
			if resp.StatusCode != 404 {
				t.Errorf("%s, %s: %d %q, want 404", name, kind, resp.StatusCode, body)
			}
		}
	}
}
