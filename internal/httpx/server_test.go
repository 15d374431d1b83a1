package httpx

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lockedBuffer is a log that handlers write and tests read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

type running struct {
	*Server
	stop   context.CancelFunc
	result chan error
}

// wait returns what Run returned, or fails the test when it does not return.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.result:
		r.result <- err
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Run did not return")
		return nil
	}
}

func serve(t *testing.T, o Options) *running {
	t.Helper()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{s, cancel, make(chan error, 1)}
	go func() { r.result <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); _ = r.wait(t) })
	<-s.Started()
	return r
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func TestServesAndStops(t *testing.T) {
	s := serve(t, Options{Handler: http.HandlerFunc(hello)})
	if _, port, _ := net.SplitHostPort(s.Addr()); port == "0" {
		t.Errorf("Addr = %s, want the bound port", s.Addr())
	}
	if body, err := get(t.Context(), "http://"+s.Addr()); body != "hello" || err != nil {
		t.Errorf("the server answers %q, %v", body, err)
	}
	s.stop()
	if err := s.wait(t); err != nil {
		t.Errorf("Run = %v after a clean stop, want nil", err)
	}
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		c.Close()
		t.Error("the address still accepts connections")
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("a second Run was accepted")
	}
}

func TestNewRefuses(t *testing.T) {
	taken, err := New(Options{Addr: "127.0.0.1:0", Handler: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"no handler":   {Addr: "127.0.0.1:0"},
		"no address":   {Handler: http.NotFoundHandler()},
		"taken":        {Addr: taken.Addr(), Handler: http.NotFoundHandler()},
		"not a number": {Addr: "127.0.0.1:http-alt-x", Handler: http.NotFoundHandler()},
	} {
		if s, err := New(o); err == nil {
			s.Close()
			t.Errorf("%s: New accepted it", name)
		}
	}
	if err := taken.Close(); err != nil {
		t.Error(err)
	}
	again, err := New(Options{Addr: taken.Addr(), Handler: http.NotFoundHandler()})
	if err != nil {
		t.Fatalf("the address was not released: %v", err)
	}
	again.Close()
}

func TestStoppedBeforeRun(t *testing.T) {
	s, err := New(Options{Addr: "127.0.0.1:0", Handler: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestCloseEndsRun(t *testing.T) {
	s := serve(t, Options{Handler: http.NotFoundHandler()})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.wait(t); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Run = %v, want http.ErrServerClosed", err)
	}
}

func TestDrainLetsRequestsFinish(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-Draining(r.Context())
		<-leave
		hello(w, r)
	})})
	answer := make(chan string, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		body, err := get(t.Context(), "http://"+s.Addr())
		if err != nil {
			t.Error(err)
		}
		answer <- body
	})
	defer wg.Wait()
	<-entered
	s.stop()
	select {
	case <-s.result:
		t.Fatal("Run returned while a request ran")
	case <-time.After(50 * time.Millisecond):
	}
	close(leave)
	if body := <-answer; body != "hello" {
		t.Errorf("the running request was answered %q", body)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestDrainIsBounded(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	s := serve(t, Options{DrainTimeout: 50 * time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // until it is cut off
		close(left)
	})})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	s.stop()
	if err := s.wait(t); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Run = %v, want an error about cut-off requests", err)
	}
	select {
	case <-left:
	case <-time.After(5 * time.Second):
		t.Error("the request's context did not end")
	}
}

// TestSlowHeaders: a client that sends its headers a byte at a time is cut off.
func TestSlowHeaders(t *testing.T) {
	s := serve(t, Options{HeaderTimeout: 150 * time.Millisecond, Handler: http.HandlerFunc(hello)})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if err := conn.SetDeadline(began.Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, b := range []byte("GET / HTTP/1.1\r\nX-Slow: " + strings.Repeat("a", 1000)) {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // the pace of the attack
		}
	})
	answer, err := io.ReadAll(conn)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		t.Fatalf("the connection is still open after %s", time.Since(began))
	}
	if strings.Contains(string(answer), "hello") {
		t.Errorf("the server answered %q", answer)
	}
	conn.Close()
	wg.Wait()
}

// TestDeadlinesKeepAStreamOpen: the server's timeouts end a stream unless the
// route lifts them, and the drain ends it through Draining.
func TestDeadlinesKeepAStreamOpen(t *testing.T) {
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 10 {
			_, _ = io.WriteString(w, "tick\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
		<-Draining(r.Context())
		_, _ = io.WriteString(w, "end\n")
	})
	mux := http.NewServeMux()
	mux.Handle("/bounded", stream)
	mux.Handle("/open", Chain(stream, Deadlines(100*time.Millisecond, 0)))
	s := serve(t, Options{
		Handler:     Chain(mux, Log(slog.New(slog.DiscardHandler))), // its wrapper must let the deadlines through
		ReadTimeout: 200 * time.Millisecond, WriteTimeout: 200 * time.Millisecond, DrainTimeout: 5 * time.Second,
	})
	read := func(path string) (lines []string) {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(8 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET "+path+" HTTP/1.0\r\n\r\n")
		for in := bufio.NewScanner(conn); in.Scan(); {
			switch in.Text() {
			case "tick":
				if lines = append(lines, "tick"); len(lines) == 10 {
					s.stop()
				}
			case "end":
				lines = append(lines, "end")
			}
		}
		return lines
	}
	if got := read("/bounded"); len(got) >= 10 {
		t.Errorf("the bounded route sent %d lines beyond its deadline", len(got))
	}
	if got := read("/open"); len(got) != 11 {
		t.Errorf("the open route sent %d lines, want 10 and the end", len(got))
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}
