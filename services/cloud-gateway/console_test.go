package cloudgateway

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func app() fstest.MapFS {
	return fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html><title>console</title>" + strings.Repeat(" ", 2000))},
		"favicon.svg":         {Data: []byte("<svg/>")},
		"assets/index-1a2.js": {Data: []byte(strings.Repeat("let a = 1;\n", 1000))},
		"assets/logo-3b4.png": {Data: bytes.Repeat([]byte{7}, 5000)},
	}
}

func ask(t *testing.T, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestConsole(t *testing.T) {
	built, err := newConsole(app(), "1.2")
	if err != nil {
		t.Fatal(err)
	}
	bare, err := newConsole(nil, "<1>")
	if err != nil {
		t.Fatal(err)
	}
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	const always = "public, max-age=31536000, immutable"
	for _, tc := range []struct {
		name                 string
		h                    http.Handler
		method, path, accept string
		status               int
		kind, cache, part    string
	}{
		{"start", built, "GET", "/", browser, 200, "text/html; charset=utf-8", "no-cache", "<title>console"},
		{"start, without a browser", built, "GET", "/", "*/*", 200, "text/html; charset=utf-8", "no-cache", "/api/v1/tasks"},
		{"page of the console", built, "GET", "/tasks/net.v1/logs", "*/*", 200, "text/html; charset=utf-8", "no-cache", "<title>console"},
		{"page at the top", built, "GET", "/timeline", browser, 200, "text/html; charset=utf-8", "no-cache", "<title>console"},
		{"script", built, "GET", "/assets/index-1a2.js", "*/*", 200, "text/javascript; charset=utf-8", always, "let a"},
		{"picture", built, "GET", "/assets/logo-3b4.png", "*/*", 200, "image/png", always, "\x07"},
		{"icon", built, "GET", "/favicon.svg", "*/*", 200, "image/svg+xml", "no-cache", "<svg"},
		{"no such asset", built, "GET", "/assets/index-0.js", "*/*", 404, "application/problem+json", "no-store", "Reload"},
		{"no such icon", built, "GET", "/favicon.ico", browser, 404, "application/problem+json", "no-store", "favicon.ico"},
		{"head", built, "HEAD", "/tasks", browser, 200, "text/html; charset=utf-8", "no-cache", ""},
		{"change", built, "DELETE", "/tasks/a", browser, 405, "application/problem+json", "no-store", "/api/v1"},
		{"not built", bare, "GET", "/", browser, 200, "text/html; charset=utf-8", "no-cache", "make build"},
		{"not built, version", bare, "GET", "/", "*/*", 200, "text/html; charset=utf-8", "no-cache", "&lt;1&gt;"},
		{"not built, a page", bare, "GET", "/tasks", browser, 404, "text/html; charset=utf-8", "no-cache", "npm --prefix web ci"},
		{"not built, a file", bare, "GET", "/favicon.ico", browser, 404, "application/problem+json", "no-store", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := ask(t, tc.h, tc.method, tc.path, "Accept", tc.accept)
			if w.Code != tc.status || w.Header().Get("Content-Type") != tc.kind || w.Header().Get("Cache-Control") != tc.cache || !strings.Contains(w.Body.String(), tc.part) {
				t.Errorf("got %d %v %.200s", w.Code, w.Header(), w.Body)
			}
			if tc.method == "HEAD" && w.Body.Len() != 0 {
				t.Errorf("HEAD has a body: %.100s", w.Body)
			}
			if tc.status == 405 && w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("allows %q", w.Header().Get("Allow"))
			}
		})
	}
}

func TestConsoleCompressesAndRevalidates(t *testing.T) {
	c, err := newConsole(app(), "")
	if err != nil {
		t.Fatal(err)
	}
	plain := ask(t, c, "GET", "/assets/index-1a2.js")
	packed := ask(t, c, "GET", "/assets/index-1a2.js", "Accept-Encoding", "br, gzip")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len()*10 > plain.Body.Len() || !strings.Contains(packed.Header().Get("Vary"), "Accept-Encoding") {
		t.Fatalf("%d of %d bytes, %v", packed.Body.Len(), plain.Body.Len(), packed.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != plain.Body.String() {
		t.Errorf("%v: %.100s", err, b)
	}
	if w := ask(t, c, "GET", "/favicon.svg", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("what is no smaller was compressed")
	}
	if w := ask(t, c, "GET", "/assets/logo-3b4.png", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("a picture was compressed")
	}
	for _, header := range [][]string{{"Accept-Encoding", "gzip"}, nil} {
		w := ask(t, c, "GET", "/tasks", append(header, "If-None-Match", ask(t, c, "GET", "/tasks").Header().Get("ETag"))...)
		if w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("what is unchanged came again: %d, %d bytes", w.Code, w.Body.Len())
		}
	}
}

func TestConsoleWithoutAnIndexIsRefused(t *testing.T) {
	if _, err := newConsole(fstest.MapFS{"a.js": {}}, ""); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("got %v", err)
	}
}
