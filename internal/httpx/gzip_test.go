package httpx

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestGzip(t *testing.T) {
	long := strings.Repeat(`{"a":1}`, 1000)
	for name, tc := range map[string]struct {
		accept, kind, etag, length, body string
		status                           int
		want                             bool
	}{
		"json":             {"gzip, br", "application/json", "", "7000", long, 200, true},
		"of any kind":      {"*", "application/json; charset=utf-8", "", "", long, 200, true},
		"created":          {"gzip;q=0.5", "application/json", "", "", long, 201, true},
		"refused":          {"gzip;q=0, br", "application/json", "", "", long, 200, false},
		"not asked":        {"", "application/json", "", "", long, 200, false},
		"small":            {"gzip", "application/json", "", "7", `{"a":1}`, 200, false},
		"strong tag":       {"gzip", "application/json", `"7"`, "", long, 200, false},
		"weak tag":         {"gzip", "application/json", `W/"7"`, "", long, 200, true},
		"stream":           {"gzip", "text/event-stream", "", "", long, 200, false},
		"file":             {"gzip", "application/octet-stream", "", "", long, 200, false},
		"partial":          {"gzip", "application/json", "", "", long, 206, false},
		"nothing":          {"gzip", "", "", "", "", 204, false},
		"header by itself": {"gzip", "application/json", "", "", long, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := Gzip()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range map[string]string{"Content-Type": tc.kind, "Etag": tc.etag, "Content-Length": tc.length} {
					if v != "" {
						w.Header().Set(k, v)
					}
				}
				if tc.status != 0 {
					w.WriteHeader(tc.status)
				}
				if tc.body != "" {
					_, _ = io.WriteString(w, tc.body[:1])
					_ = http.NewResponseController(w).Flush()
					_, _ = io.WriteString(w, tc.body[1:])
				}
			}))
			w := call(t, h, "GET", "/", nil, "Accept-Encoding", tc.accept)
			got := w.Body.String()
			if zipped := w.Header().Get("Content-Encoding") == "gzip"; zipped != tc.want {
				t.Fatalf("compressed: %t; headers %v", zipped, w.Header())
			}
			if tc.want {
				z, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(z)
				if err != nil || w.Header().Get("Content-Length") != "" {
					t.Errorf("%v; headers %v", err, w.Header())
				}
				got = string(b)
			}
			if got != tc.body || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("status %d, headers %v, %d bytes of body", w.Code, w.Header(), len(got))
			}
		})
	}
}

// TestGzipOfAPanic: a part of a body must not look whole.
func TestGzipOfAPanic(t *testing.T) {
	h := Gzip()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "[1,")
		panic(http.ErrAbortHandler)
	}))
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the panic was swallowed")
		}
	}()
	call(t, h, "GET", "/", nil, "Accept-Encoding", "gzip")
}
