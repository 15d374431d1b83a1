package httpx

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A detached response is one like any other to its client, and goes on after its
// handler has returned, also over middleware.
func TestDetach(t *testing.T) {
	conns := make(chan net.Conn, 1)
	server, err := New(Options{Addr: "127.0.0.1:0", Handler: Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		conn, err := Detach(w, r)
		if err != nil {
			t.Error(err)
		}
		conns <- conn
	}), Trace(), SecurityHeaders(), Gzip())})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	resp, err := http.Get("http://" + server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	conn := <-conns
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" || resp.Header.Get("X-Content-Type-Options") == "" || resp.Header.Get("Date") == "" {
		t.Errorf("got %d, %v", resp.StatusCode, resp.Header)
	}
	body := bufio.NewReader(resp.Body)
	for i := range 3 {
		want := fmt.Sprintf("line %d\n", i)
		if _, err := io.WriteString(conn, want); err != nil {
			t.Fatal(err)
		}
		if got, err := body.ReadString('\n'); got != want || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	// The drain leaves it alone.
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(conn, "last\n"); err != nil {
		t.Error(err)
	}
	_ = conn.Close()
	if rest, err := io.ReadAll(body); string(rest) != "last\n" || err != nil {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

func TestDetachIsNotForAll(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if _, err := Detach(httptest.NewRecorder(), r); !errors.Is(err, ErrNotDetachable) {
		t.Errorf("a recorder gave %v", err)
	}
	r.ProtoMajor = 2
	if _, err := Detach(httptest.NewRecorder(), r); !errors.Is(err, ErrNotDetachable) {
		t.Errorf("HTTP/2 gave %v", err)
	}
	failed := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := Detach(w, r)
		failed <- err
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A second request behind the first would never be answered.
	if _, err := io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		if err == nil {
			t.Error("a connection with two requests was detached")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the request was not served")
	}
}
