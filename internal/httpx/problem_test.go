package httpx

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/obs"
)

func ExampleProblem() {
	trace, _ := obs.ParseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	r := httptest.NewRequest("GET", "/api/v1/tasks/4fe5", nil)
	r = r.WithContext(obs.ContextWithTrace(r.Context(), trace))
	w := httptest.NewRecorder()
	Problem(w, r, http.StatusNotFound, "not_found", "There is no task 4fe5.", "agata task list shows all tasks.")
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	fmt.Print(w.Body)
	// Output:
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"code":"not_found","detail":"There is no task 4fe5.","hint":"agata task list shows all tasks.","correlation_id":"4bf92f3577b34da6a3ce929d0e0e4736"}
}

func TestProblemReplacesTheBody(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Etag", `"x"`)
		Problem(w, r, 409, "conflict", "It exists.", "")
	})
	w := call(t, h, "GET", "/", nil)
	p := decodeProblem(t, w)
	if w.Header().Get("Content-Length") != "" || w.Header().Get("Etag") != "" || len(p.CorrelationID) != 32 {
		t.Errorf("headers %v, problem %+v", w.Header(), p)
	}
	if strings.Contains(w.Body.String(), "hint") {
		t.Errorf("an empty hint is sent: %s", w.Body)
	}
	if w := call(t, h, "HEAD", "/", nil); w.Body.Len() != 0 {
		t.Errorf("HEAD is answered with the body %q", w.Body)
	}
}

func TestBodyProblem(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 7}), 413, "too_large"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, 408, "timeout"},
		{io.ErrUnexpectedEOF, 400, "invalid"},
		{errors.New("not JSON"), 400, "invalid"},
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { BodyProblem(w, r, tc.err) })
		w := call(t, h, "POST", "/", nil)
		if p := decodeProblem(t, w); w.Code != tc.status || p.Code != tc.code {
			t.Errorf("%v: status %d, code %s", tc.err, w.Code, p.Code)
		}
	}
}

// TestSlowBody: a body that does not arrive is answered, not waited for, and a
// route with longer deadlines takes it when it does.
func TestSlowBody(t *testing.T) {
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			BodyProblem(w, r, err)
		}
	})
	mux := http.NewServeMux()
	mux.Handle("/", read)
	mux.Handle("/long", Chain(read, Deadlines(5*time.Second, 5*time.Second)))
	s := serve(t, Options{ReadTimeout: 100 * time.Millisecond, Handler: mux})
	for path, want := range map[string]string{"/": "408", "/long": "200"} {
		if got := sendSlowly(t, s.Addr(), path); !strings.HasPrefix(got, "HTTP/1.1 "+want) {
			t.Errorf("%s answers %q, want %s", path, got, want)
		}
	}
}

// sendSlowly posts a body whose end follows long after its beginning.
func sendSlowly(t *testing.T, addr, path string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n\r\nbegin")
	rest := time.AfterFunc(300*time.Millisecond, func() { _, _ = io.WriteString(conn, "end") })
	defer rest.Stop()
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestFieldsProblem(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		FieldsProblem(w, r, 400, "invalid", "port: is too great", "", map[string]string{"port": "is too great"})
	})
	if p := decodeProblem(t, call(t, h, "POST", "/", nil)); p.Fields["port"] != "is too great" || len(p.Fields) != 1 {
		t.Errorf("problem %+v", p)
	}
}
