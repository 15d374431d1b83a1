package attack

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestManyConnectionsHoldUpNobody: as many as the test's own process can open,
// 10,000 at most, that say nothing.
func TestManyConnectionsHoldUpNobody(t *testing.T) {
	w := newWorld(t)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// Both ends are in this process.
	many := int(min(10_000, (limit.Cur-min(limit.Cur, 500))/2))
	conns := make([]net.Conn, many)
	var wg sync.WaitGroup
	for part := range 8 {
		wg.Go(func() {
			for i := part; i < many; i += 8 {
				addr := w.gateway
				if i%4 == 0 {
					addr = w.files
				}
				conn, err := net.DialTimeout("tcp", addr, patience)
				if err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
				conns[i] = conn
			}
		})
	}
	wg.Wait()
	began := time.Now()
	w.must(200, "nobody", "GET", "/healthz", "")
	w.must(200, "operator", "POST", "/rpc_exec_update_user_info", `{"user_id":"c1"}`)
	t.Logf("with %d silent connections two requests take %s", many, time.Since(began).Round(time.Millisecond))
	for _, conn := range conns { // those that say nothing are ended in 5 s
		if conn == nil {
			continue
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Fatal("a silent connection is still open")
		}
		_ = conn.Close()
	}
	w.must(200, "viewer", "GET", "/api/v1/tasks", "")
}

// TestManyStreamsAreRefused beyond their bound, and leave the rest to others.
func TestManyStreamsAreRefused(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	open, refused := 0, 0
	var bodies []io.Closer
	for range 270 {
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+w.gateway+"/api/v1/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.tokens["viewer"])
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
		switch resp.StatusCode {
		case 200:
			open++
			if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || strings.HasPrefix(line, "<") {
				t.Errorf("stream %d says %q, %v", open, line, err)
			}
		case 503:
			refused++
		default:
			t.Errorf("got %s", resp.Status)
		}
	}
	if open != 256 || refused != 14 {
		t.Errorf("%d streams are open, %d refused", open, refused)
	}
	if a := w.ask("nobody", "GET", "/api/v1/live", ""); a.status != 401 {
		t.Errorf("a stranger: %v", a)
	}
	w.must(200, "viewer", "GET", "/api/v1/tasks", "")
	cancel()
	for _, body := range bodies {
		_ = body.Close()
	}
	w.eventually("the streams' places are free again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+w.gateway+"/api/v1/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.tokens["viewer"])
		resp, err := tr.RoundTrip(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == 200
	})
}
