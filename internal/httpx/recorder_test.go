package httpx

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// readerFrom is a response that, as net/http's own, takes a source as a whole.
type readerFrom struct {
	*httptest.ResponseRecorder
	whole int64
}

func (r *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(r.ResponseRecorder, struct{ io.Reader }{src})
	r.whole += n
	return n, err
}

func TestRecorderKeepsTheFastPath(t *testing.T) {
	w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
	rec := &recorder{ResponseWriter: &recorder{ResponseWriter: w}}
	content := bytes.NewReader(make([]byte, 1000))
	http.ServeContent(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/f", nil), "f.bin", time.Time{}, content)
	if w.whole != 1000 || rec.bytes != 1000 || rec.code() != 200 {
		t.Errorf("%d bytes went as a whole, %d were counted, status %d", w.whole, rec.bytes, rec.code())
	}
}

func TestRecorderStatus(t *testing.T) {
	for name, tc := range map[string]struct {
		act  func(*recorder)
		want int
	}{
		"nothing":       {func(*recorder) {}, 200},
		"written":       {func(r *recorder) { _, _ = io.WriteString(r, "x") }, 200},
		"copied":        {func(r *recorder) { _, _ = r.ReadFrom(strings.NewReader("x")) }, 200},
		"first wins":    {func(r *recorder) { r.WriteHeader(404); r.WriteHeader(500) }, 404},
		"after a hint":  {func(r *recorder) { r.WriteHeader(103); r.WriteHeader(404) }, 404},
		"after a flush": {func(r *recorder) { _ = http.NewResponseController(r).Flush(); r.WriteHeader(500) }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{ResponseWriter: httptest.NewRecorder()}
			tc.act(rec)
			if got := rec.code(); got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
		})
	}
}
