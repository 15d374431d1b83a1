package httpx

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/agata-fl/agata/internal/obs"
)

func call(t *testing.T, h http.Handler, method, target string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decodeProblem(t *testing.T, w *httptest.ResponseRecorder) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%q is not JSON: %v", w.Body, err)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q", got)
	}
	if p.Status != w.Code || p.Title != http.StatusText(w.Code) || p.Type != "about:blank" {
		t.Errorf("status %d carries the problem %+v", w.Code, p)
	}
	return p
}

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestPanicBecomesAProblem(t *testing.T) {
	var logged lockedBuffer
	log := textLogger(&logged)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /boom/{id}", func(http.ResponseWriter, *http.Request) { panic("secret detail") })
	h := Chain(mux, Trace(), Log(log), Recover(log))
	w := call(t, h, "GET", "/boom/7", nil, "Traceparent", parent)
	p := decodeProblem(t, w)
	if w.Code != 500 || p.Code != "internal" || p.CorrelationID != parent[3:35] || w.Header().Get(CorrelationHeader) != p.CorrelationID {
		t.Errorf("status %d, problem %+v, header %q", w.Code, p, w.Header().Get(CorrelationHeader))
	}
	if strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the client sees the panic: %s", w.Body)
	}
	for _, want := range []string{"secret detail", p.CorrelationID, "middleware_test.go", `route="GET /boom/{id}"`, "level=WARN", "status=500"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, logged.String())
		}
	}
}

func TestPanicWithoutTraceStillCorrelates(t *testing.T) {
	var logged lockedBuffer
	h := Chain(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), Recover(textLogger(&logged)))
	p := decodeProblem(t, call(t, h, "GET", "/", nil))
	if len(p.CorrelationID) != 32 || !strings.Contains(logged.String(), p.CorrelationID) {
		t.Errorf("correlation id %q is not in the log:\n%s", p.CorrelationID, logged.String())
	}
}

func TestPanicAfterTheHeaderBreaksOff(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"written":     func(w http.ResponseWriter) { _, _ = io.WriteString(w, "half") },
		"flushed":     func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"header only": func(w http.ResponseWriter) { w.WriteHeader(200) },
		"deliberate":  func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			h := Chain(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { begin(w); panic("late") }),
				Recover(slog.New(slog.DiscardHandler)))
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("the server gets %v, want http.ErrAbortHandler", p)
				}
			}()
			call(t, h, "GET", "/", nil)
		})
	}
}

func TestTraceReachesTheHandler(t *testing.T) {
	for name, tc := range map[string]struct{ header, want string }{
		"sent": {parent, parent[3:35]}, "absent": {"", ""}, "malformed": {"00-x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got obs.Traceparent
			h := Chain(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = obs.TraceFrom(r.Context()) }), Trace())
			w := call(t, h, "GET", "/", nil, "Traceparent", tc.header)
			if got.IsZero() || tc.want != "" && got.TraceID() != tc.want || got.String() == tc.header {
				t.Errorf("the handler has the trace %q of %q", got, tc.header)
			}
			if w.Header().Get(CorrelationHeader) != got.TraceID() {
				t.Errorf("the response names %q, the handler %q", w.Header().Get(CorrelationHeader), got.TraceID())
			}
		})
	}
}

func TestLimitBody(t *testing.T) {
	h := Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			BodyProblem(w, r, err)
		}
	}), LimitBody(10))
	undeclared := struct{ io.Reader }{strings.NewReader("12345678901")} // of unknown length, as in a chunked body
	for name, tc := range map[string]struct {
		body   io.Reader
		status int
	}{
		"fits":       {strings.NewReader("1234567890"), 200},
		"declared":   {strings.NewReader("12345678901"), 413},
		"undeclared": {undeclared, 413},
		"none":       {nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := call(t, h, "POST", "/", tc.body)
			if w.Code != tc.status {
				t.Fatalf("status %d, want %d", w.Code, tc.status)
			}
			if tc.status == 413 {
				if p := decodeProblem(t, w); p.Code != "too_large" || !strings.Contains(p.Detail, "10 bytes") {
					t.Errorf("problem %+v", p)
				}
			}
		})
	}
}

func TestCORS(t *testing.T) {
	const ours, theirs = "https://ops.example", "https://evil.example"
	for name, tc := range map[string]struct {
		allow                  []string
		method, origin         string
		status                 int
		allowOrigin, allowMeth string
	}{
		"any, preflight":        {[]string{"*"}, "OPTIONS", theirs, 204, "*", "GET, POST, PUT, PATCH, DELETE, OPTIONS"},
		"any, without origin":   {[]string{"*"}, "OPTIONS", "", 204, "*", "GET, POST, PUT, PATCH, DELETE, OPTIONS"},
		"any, request":          {[]string{"*"}, "POST", theirs, 200, "*", ""},
		"exact, preflight":      {[]string{ours}, "OPTIONS", ours, 204, ours, "GET, POST, PUT, PATCH, DELETE, OPTIONS"},
		"exact, request":        {[]string{"http://a", ours}, "GET", ours, 200, ours, ""},
		"exact, other":          {[]string{ours}, "GET", theirs, 200, "", ""},
		"exact, other's OPTION": {[]string{ours}, "OPTIONS", theirs, 204, "", ""},
		"prefix is not exact":   {[]string{ours}, "GET", ours + ".evil.example", 200, "", ""},
		"a star beside others":  {[]string{ours, "*"}, "GET", theirs, 200, "", ""},
		"none":                  {nil, "GET", ours, 200, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := call(t, Chain(http.HandlerFunc(hello), CORS(tc.allow...)), tc.method, "/", nil, "Origin", tc.origin)
			h := w.Header()
			if w.Code != tc.status || h.Get("Access-Control-Allow-Origin") != tc.allowOrigin || h.Get("Access-Control-Allow-Methods") != tc.allowMeth {
				t.Errorf("status %d, headers %v", w.Code, h)
			}
			if h.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
			if wantVary := len(tc.allow) != 1 || tc.allow[0] != "*"; (h.Get("Vary") == "Origin") != wantVary {
				t.Errorf("Vary = %q", h.Get("Vary"))
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	w := call(t, Chain(http.HandlerFunc(hello), SecurityHeaders()), "GET", "/", nil)
	for name, want := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if got := w.Header().Get(name); !strings.Contains(got, want) {
			t.Errorf("%s = %q, want %q in it", name, got, want)
		}
	}
}

func TestMetricsHaveBoundedLabels(t *testing.T) {
	reg := prometheus.NewRegistry()
	metrics, err := Metrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Metrics(reg); err != nil {
		t.Errorf("a second server cannot share the registry: %v", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tasks/{id}", hello)
	h := Chain(mux, Trace(), metrics, Recover(slog.New(slog.DiscardHandler)), LimitBody(10))
	for _, path := range []string{"/tasks/1", "/tasks/2", "/nowhere/1", "/nowhere/2"} {
		call(t, h, "GET", path, nil)
	}
	call(t, h, "BREW", "/tasks/1", nil)
	call(t, h, "MELT", "/tasks/1", nil)
	page := call(t, promhttp.HandlerFor(reg, promhttp.HandlerOpts{}), "GET", "/metrics", nil).Body.String()
	for _, want := range []string{
		`agata_http_requests_total{code="200",method="GET",route="GET /tasks/{id}"} 2`,
		`agata_http_requests_total{code="404",method="GET",route="unmatched"} 2`,
		`agata_http_requests_total{code="405",method="other",route="unmatched"} 2`,
		`agata_http_request_duration_seconds_count{method="GET",route="GET /tasks/{id}"} 2`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("missing %s in:\n%s", want, page)
		}
	}
}

func TestMetricsRefusesAForeignCollector(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "agata_http_requests_total", Help: "something else"}))
	if _, err := Metrics(reg); err == nil {
		t.Error("Metrics accepted a registry with another metric of the same name")
	}
}
