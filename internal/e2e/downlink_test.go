package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// rarely makes the client ask so seldom that only a wake can be the cause of what
// happens soon.
func (w *world) rarely() { w.set["client.params.request_interval"] = "60" }

// linked waits until the client is there and its downlink is open at the gateway,
// or has been opened anew, n times in all.
func (w *world) linked() {
	w.Helper()
	w.task("probe", forever, forever, nil)
	w.eventually("the client hears of a task at once", func() bool {
		w.start("probe")
		defer must(w, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "probe"})
		for range 20 {
			time.Sleep(25 * time.Millisecond)
			if len(w.status().Running) > 0 {
				return true
			}
		}
		return false
	})
	w.ended("probe")
}

// A start is at the client at once, and so is a stop, although it asks only once a
// minute.
func TestStartAndStopReachTheClientAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rarely()
	w.serveCloud()
	w.serveClient()
	w.linked()
	w.task("a", forever, "note('up')\n"+forever, nil)
	began := time.Now()
	w.start("a")
	execution := w.runs("a")
	took := time.UnixMicro(int64(execution.Started * 1e6)).Sub(began)
	t.Logf("from the start to the client's process: %s", took)
	if took > 10*time.Second {
		t.Errorf("the client's process was there after %s", took)
	}
	w.noted("client", "up")
	began = time.Now()
	must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
	w.ended("a")
	t.Logf("from the stop to the end of the client's process: %s", time.Since(began))
	if alive(execution.PID) {
		t.Error("the client's process goes on")
	}
	w.eventually("the cloud knows why", func() bool {
		list := w.executions("a")
		return len(list) == 1 && list[0].State == "stopped" && list[0].Reason == "operator_stop"
	})
	// Started again, with other arguments, it runs again, with these.
	if _, err := call(t, w.operator, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", ClientArguments: ptr("more")}); err != nil {
		t.Fatal(err)
	}
	w.start("a")
	w.runs("a")
}

func ptr[T any](v T) *T { return &v }

// A new cloud gateway is found again by the client; it is woken as before.
func TestDownlinkOverARestartOfTheGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rarely()
	w.serve(app.UserManager, app.CloudTaskManager)
	gateway := w.serve(app.CloudGateway)
	w.serveClient()
	w.linked()
	gateway.stop()
	w.task("a", forever, forever, nil)
	w.start("a") // while nobody can be told
	w.serve(app.CloudGateway)
	w.runs("a") // the client comes back, and is told that it missed something
}

// What an operator wants of a client that is away waits for it, and is carried out
// once although the client's gateway is restarted before the cloud knows.
func TestCommandsWaitAndAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rarely()
	w.serveCloud()
	w.serve(app.ClientTaskManager)
	gateway := w.serve(app.ClientGateway)
	w.linked()
	w.task("bad", forever, "note('bad')\nsay(type='error', exception='no camera')\n"+forever, nil)
	w.start("bad")
	w.held("bad")
	gateway.stop()
	a := request(t, http.MethodPost, w.set["server.gateway.url"]+"/api/v1/clients/ada/quarantine/bad/release", "")
	if a.status != http.StatusAccepted {
		t.Fatalf("release: %d %s", a.status, a.body)
	}
	where := strings.TrimPrefix(a.header.Get("Location"), "/api/v1")
	var command history.CommandView
	w.get(where, &command)
	if command.State != "pending" || len(w.notes("client", "bad")) != 1 {
		t.Errorf("while the client is away: %+v, ran %d times", command, len(w.notes("client", "bad")))
	}
	began := time.Now()
	gateway = w.serve(app.ClientGateway)
	w.eventually("the command is carried out", func() bool {
		w.get(where, &command)
		return command.State != "pending"
	})
	t.Logf("carried out %s after the gateway's start", time.Since(began))
	if command.State != "done" {
		t.Errorf("the command: %+v", command)
	}
	w.eventually("the task is tried again at once", func() bool { return len(w.notes("client", "bad")) == 2 })
	gateway.stop()
	w.serve(app.ClientGateway)
	w.held("bad")
	if n := len(w.notes("client", "bad")); n != 2 {
		t.Errorf("the task ran %d times, want 2", n)
	}
}

// quieter is a way to a server that can go silent: what is sent over connections
// that are open then never arrives, and nobody is told.
type quieter struct {
	net.Listener
	mu    sync.Mutex
	conns []*quiet
	links int // requests for a downlink that came
}

type quiet struct {
	net.Conn
	q      *quieter
	mu     sync.Mutex
	silent bool
}

// Write drops what must not arrive.
func (q *quiet) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if bytes.Contains(b, []byte("/downlink?")) {
		q.q.mu.Lock()
		q.q.links++
		q.q.mu.Unlock()
	}
	if q.silent {
		return len(b), nil
	}
	return q.Conn.Write(b)
}

func newQuieter(t *testing.T, target string) *quieter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	q := &quieter{Listener: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", strings.TrimPrefix(target, "http://"))
			if err != nil {
				down.Close()
				continue
			}
			a, b := &quiet{Conn: up, q: q}, &quiet{Conn: down, q: q}
			q.mu.Lock()
			q.conns = append(q.conns, a, b)
			q.mu.Unlock()
			for _, way := range [][2]*quiet{{a, b}, {b, a}} {
				wg.Go(func() {
					_, _ = io.Copy(struct{ io.Writer }{way[0]}, way[1].Conn)
					way[0].mu.Lock()
					defer way[0].mu.Unlock()
					if !way[0].silent { // else the end does not arrive either
						_ = way[0].Close()
					}
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		q.mu.Lock()
		for _, c := range q.conns {
			_ = c.Close()
		}
		q.mu.Unlock()
		wg.Wait()
	})
	return q
}

// hush makes all connections that are open silent.
func (q *quieter) hush() {
	q.mu.Lock()
	conns := slices.Clone(q.conns)
	q.mu.Unlock()
	for _, c := range conns {
		c.mu.Lock()
		c.silent = true
		c.mu.Unlock()
	}
}

// A half-open connection is noticed by the missing heartbeats and replaced.
func TestDownlinkNoticesAHalfOpenConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["client.params.request_interval"] = "1" // and so a heartbeat a second
	w.serveCloud()
	way := newQuieter(t, w.set["server.gateway.url"])
	direct := w.set["server.gateway.url"]
	w.set["server.gateway.url"] = "http://" + way.Addr().String()
	w.serveClient()
	w.set["server.gateway.url"] = direct
	links := func() int {
		way.mu.Lock()
		defer way.mu.Unlock()
		return way.links
	}
	w.eventually("the first link", func() bool { return links() == 1 })
	way.hush()
	began := time.Now()
	w.eventually("a new link", func() bool { return links() > 1 })
	t.Logf("a new link came %s after the connections went silent", time.Since(began))
	w.linked()
}
