package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// say writes to a stream at once.
func say(w http.ResponseWriter, format string, args ...any) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprintf(w, format, args...)
	_ = http.NewResponseController(w).Flush()
}

func entry(seq int64) string {
	return fmt.Sprintf("id: %d\nevent: event\ndata: {\"seq\":%d,\"id\":\"i%d\",\"kind\":\"event\",\"time\":1,\"task\":\"a\"}\n\n", seq, seq, seq)
}

// A stream that breaks goes on after the last record, and shows none twice.
func TestLiveGoesOn(t *testing.T) {
	var n atomic.Int32
	asked := make(chan string, 10)
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RawQuery + " " + r.Header.Get("Last-Event-ID")
		switch n.Add(1) {
		case 1:
			say(w, "event: hello\ndata: {\"seq\":10}\n\n: ping\n\n%s%s", entry(11), entry(12))
			drop()
		case 2:
			http.Error(w, "starting", http.StatusBadGateway)
		case 3:
			say(w, "event: hello\ndata: {\"seq\":13}\n\n%s%s: \nid: 15\n\n", entry(12), entry(13))
			drop()
		default: // the history began anew
			say(w, "id: 15\nevent: hello\ndata: {\"seq\":15}\n\nid: 1\nevent: gap\ndata: {\"seq\":1}\n\n%s", entry(2))
		}
	})
	var got []string
	enough := errors.New("enough")
	err := c.Live(t.Context(), LiveFilter{Kinds: []contract.RecordKind{"event", "round"}, Task: "a"}, LiveHandler{
		Hello: func(seq int64) error { got = append(got, fmt.Sprintf("hello %d", seq)); return nil },
		Entry: func(e Object[Entry]) error {
			got = append(got, fmt.Sprintf("%d %s", e.Value.Seq, e.Value.Task))
			if e.Value.Seq == 2 {
				return enough
			}
			return nil
		},
		Gap:  func() { got = append(got, "gap") },
		Away: func(err error) { got = append(got, "away") },
	})
	if err != enough || strings.Join(got, ", ") != "hello 10, 11 a, 12 a, away, 13 a, away, gap, 2 a" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, want := range []string{"kinds=event%2Cround&task=a ", "after=12&kinds=event%2Cround&task=a 12", "after=12&kinds=event%2Cround&task=a 12", "after=13&kinds=event%2Cround&task=a 15"} {
		if q := <-asked; q != want {
			t.Errorf("asked %q, want %q", q, want)
		}
	}
}

// Without a record the place to go on from is what the greeting said.
func TestLiveGoesOnFromTheGreeting(t *testing.T) {
	var n atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			say(w, "event: hello\ndata: {\"seq\":10}\n\n")
			return
		}
		if r.URL.Query().Get("after") != "10" {
			t.Errorf("asked %s", r.URL)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := c.Live(t.Context(), LiveFilter{}, LiveHandler{Entry: func(Object[Entry]) error { return nil }}); err != nil {
		t.Error(err)
	}
}

func TestLiveFromTheBeginning(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "after=0" {
			t.Errorf("asked %s", r.URL)
		}
		say(w, "event: hello\ndata: {\"seq\":10}\n\n%s", entry(1))
	})
	enough := errors.New("enough")
	if err := c.Live(t.Context(), LiveFilter{After: new(int64)}, LiveHandler{Entry: func(e Object[Entry]) error { return enough }}); err != enough {
		t.Errorf("got %v", err)
	}
}

func TestStreamsThatEndForGood(t *testing.T) {
	nothing := LiveHandler{Entry: func(Object[Entry]) error { return nil }}
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		code rpc.Code
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"code":"invalid","detail":"kinds"}`))
		}, rpc.Invalid},
		"away at first":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, rpc.Unavailable},
		"not a stream":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }, rpc.Internal},
		"not an entry":   {func(w http.ResponseWriter, _ *http.Request) { say(w, "data: x\n\n") }, rpc.Internal},
		"not a greeting": {func(w http.ResponseWriter, _ *http.Request) { say(w, "event: hello\ndata: x\n\n") }, rpc.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, tc.h)
			if err := c.Live(t.Context(), LiveFilter{}, nothing); rpc.CodeOf(err) != tc.code {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("away for too long", func(t *testing.T) {
		var n atomic.Int32
		c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1) == 1 {
				say(w, ": hi\n\n")
				return
			}
			w.WriteHeader(503)
		})
		c.patience = 50 * time.Millisecond
		if err := c.Live(t.Context(), LiveFilter{}, nothing); rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "given up") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("left", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			say(w, ": hi\n\n")
			leave()
			<-r.Context().Done()
		})
		if err := c.Live(ctx, LiveFilter{}, nothing); err != nil {
			t.Errorf("got %v", err)
		}
	})
}

// A stream without a heartbeat is taken for dead and opened again.
func TestStreamThatStandsStill(t *testing.T) {
	var n atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			say(w, "event: lines\nid: c1\ndata: {\"lines\":[\"one\"]}\n\n")
			<-r.Context().Done()
			return
		}
		if r.Header.Get("Last-Event-ID") != "c1" || r.URL.Query().Get("after") != "c1" {
			t.Errorf("asked %s, %v", r.URL, r.Header)
		}
		say(w, "event: lines\nid: c2\ndata: {\"lines\":[\"two\"]}\n\n")
		w.(http.Flusher).Flush()
	})
	c.stall = 100 * time.Millisecond
	enough := errors.New("enough")
	var got []string
	err := c.FollowLogs(t.Context(), "a", "", func(lines []string, next string) error {
		if got = append(got, append(lines, next)...); next == "c2" {
			return enough
		}
		return nil
	}, nil)
	if err != enough || strings.Join(got, " ") != "one c1 two c2" {
		t.Errorf("got %v, %v", got, err)
	}
}

// A server that goes away and comes back at its address is found again.
func TestStreamOverARestart(t *testing.T) {
	var n atomic.Int32
	h := func(w http.ResponseWriter, r *http.Request) {
		i := n.Add(1)
		say(w, "event: hello\ndata: {\"seq\":%d}\n\n%s", i, entry(int64(i)+1))
		<-r.Context().Done()
	}
	c, srv := serve(t, h)
	addr := srv.Listener.Addr().String()
	came := make(chan int64, 4)
	done := make(chan error, 1)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		done <- c.Live(ctx, LiveFilter{}, LiveHandler{Entry: func(e Object[Entry]) error { came <- e.Value.Seq; return nil }})
	}()
	<-came
	srv.CloseClientConnections()
	srv.Close()
	again := httptest.NewUnstartedServer(http.HandlerFunc(h))
	_ = again.Listener.Close() // another address
	var err error
	if again.Listener, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	again.Start()
	if got := <-came; got != 3 {
		t.Errorf("got %d", got)
	}
	leave()
	if err := <-done; err != nil {
		t.Error(err)
	}
	c.Close()
	again.Close()
}
