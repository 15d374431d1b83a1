package apiclient

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a gateway that h plays, and a client of it that waits little.
func serve(t *testing.T, h http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(h)
	c, err := New(Options{URL: srv.URL, Timeout: 20 * time.Second, Patience: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Millisecond
	t.Cleanup(func() {
		c.Close()
		srv.Close()
	})
	return c, srv
}

// drop breaks a connection off without an answer.
func drop() { panic(http.ErrAbortHandler) }
