package httpx

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A sender hears why the body is refused, however it
// wants its connection treated.
func TestARefusalIsHeard(t *testing.T) {
	addr := serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body.Read(make([]byte, 10)) //nolint:errcheck // some of it
		http.Error(w, "no room", http.StatusInsufficientStorage)
	})}).Addr()
	for range 30 {
		for _, closing := range []bool{false, true} {
			tr := &http.Transport{DisableKeepAlives: closing}
			defer tr.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+addr, bytes.NewReader(make([]byte, 1<<20)))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatalf("with a connection to be closed (%t): %v", closing, err)
			}
			said, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusInsufficientStorage || err != nil || string(said) != "no room\n" {
				t.Errorf("with a connection to be closed (%t): %d %q %v", closing, resp.StatusCode, said, err)
			}
		}
	}
}

// A body that never comes whole does not hold its connection.
func TestARefusedBodyThatNeverComes(t *testing.T) {
	addr := serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusForbidden)
	})}).Addr()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(heardBound + 10*time.Second)) //nolint:errcheck // reading fails next
	fmt.Fprint(conn, "PUT / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 100\r\n\r\nsome")
	if said, err := io.ReadAll(conn); err != nil || !bytes.Contains(said, []byte("403 Forbidden")) {
		t.Errorf("%q, %v", said, err)
	}
}
