package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestNewRefusesWhatIsNoURL(t *testing.T) {
	for _, bad := range []string{"", "localhost:9001", "ftp://x", "http://", "http://[::1"} {
		if _, err := New(Options{URL: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestRequestsAreWhatTheAPIWants(t *testing.T) {
	var mu sync.Mutex
	var got []string
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s%s %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("If-Match"), body)))
		if (r.Method == http.MethodPost) != (len(r.Header.Get("Idempotency-Key")) == 36) {
			t.Errorf("%s with the key %q", r.Method, r.Header.Get("Idempotency-Key"))
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/clients"):
			_, _ = io.WriteString(w, `{"clients":[]}`)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = io.WriteString(w, `{}`)
		}
	})
	ctx, text, port := t.Context(), "x", 0
	calls := []func() error{
		func() error { _, err := c.Task(ctx, "a/b c"); return err },
		func() error { _, err := c.StartTask(ctx, "a", nil); return err },
		func() error { _, err := c.StartTask(ctx, "a", &text); return err },
		func() error { _, err := c.StopTask(ctx, "a"); return err },
		func() error {
			_, err := c.UpdateTask(ctx, contract.UpdateTaskRequest{TaskID: "a", Port: &port}, 7)
			return err
		},
		func() error {
			_, err := c.UpdateTask(ctx, contract.UpdateTaskRequest{TaskID: "a", Host: &text}, AnyRevision)
			return err
		},
		func() error { return c.DeleteTask(ctx, "a") },
		func() error { return c.DeleteTaskFile(ctx, "a", "lib/x y.py") },
		func() error { _, err := c.TaskLogs(ctx, "a", 7, ""); return err },
		func() error { _, err := c.Explain(ctx, "a", "c&d"); return err },
		func() error { _, err := c.Release(ctx, "c", "a"); return err },
		func() error { _, err := c.TaskMetrics(ctx, "a", MetricFilter{Client: "c", Points: 9}); return err },
		func() error {
			for _, err := range c.TaskClients(ctx, "a", "q", 3) {
				return err
			}
			return nil
		},
	}
	want := []string{
		`GET /api/v1/tasks/a%2Fb%20c`,
		`POST /api/v1/tasks/a/start  {}`,
		`POST /api/v1/tasks/a/start  {"arguments":"x"}`,
		`POST /api/v1/tasks/a/stop  {}`,
		`PATCH /api/v1/tasks/a "7" {"port":0}`,
		`PATCH /api/v1/tasks/a * {"host":"x"}`,
		`DELETE /api/v1/tasks/a`,
		`DELETE /api/v1/tasks/a/files/lib/x%20y.py`,
		`GET /api/v1/tasks/a/logs lines=7`,
		`GET /api/v1/tasks/a/explain client=c%26d`,
		`POST /api/v1/clients/c/quarantine/a/release  {}`,
		`GET /api/v1/tasks/a/metrics client=c&points=9`,
		`GET /api/v1/tasks/a/clients limit=3&q=q`,
	}
	for i, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s: %v", want[i], err)
		} else if got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
	for _, id := range []string{"", ".", ".."} { // no path can carry them
		if _, err := c.Task(ctx, id); rpc.CodeOf(err) != rpc.NotFound || err.Error() != contract.TaskNotRegistered(id) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d requests", len(got))
	}
}

func TestAnswersKeepWhatWeDoNotKnow(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"ID":"a","creation_date":"2026-01-02 03:04:05","last_mod_date":"2026-01-02 03:04:05","state":"running","password_set":true,"later":{"x":1}}`)
	})
	task, err := c.Task(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(task)
	if err != nil || !strings.Contains(string(b), `"later":{"x":1}`) || task.Value.State != "running" || !task.Value.PasswordSet || task.Value.ID != "a" {
		t.Errorf("got %s, %+v, %v", b, task.Value, err)
	}
}

func TestFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		status     int
		kind, body string
		code       rpc.Code
		text       string
	}{
		"a problem": {404, "application/problem+json", `{"code":"not_found","detail":"Task with ID=a not registered","hint":"List the tasks."}`,
			rpc.NotFound, "Task with ID=a not registered; list the tasks"},
		"fields": {400, "application/problem+json; charset=utf-8", `{"code":"invalid","detail":"Wrong.","fields":{"port":"is 0.","host":"is empty"}}`,
			rpc.Invalid, "Wrong; host: is empty; port: is 0"},
		"a code of its own":       {413, "application/problem+json", `{"code":"too_large","detail":"too large"}`, rpc.Invalid, "too large"},
		"changed meanwhile":       {412, "application/problem+json", `{"code":"changed","detail":"changed"}`, rpc.Conflict, "changed"},
		"a defect":                {500, "application/problem+json", `{"code":"internal","detail":"no.","correlation_id":"c7"}`, rpc.Internal, "no (correlation id c7)"},
		"an older gateway":        {404, "application/json", `"rpc_exec_x is an invalid RPC function"`, rpc.Unavailable, "it is older than this command line"},
		"a proxy":                 {502, "text/html", `<html>`, rpc.Unavailable, `502 Bad Gateway: "<html>"`},
		"a redirect":              {302, "text/html", ``, rpc.Unavailable, "302 Found"},
		"what is no JSON":         {200, "text/html", `<html>`, rpc.Internal, "something unexpected"},
		"a problem without words": {400, "application/problem+json", `{}`, rpc.Invalid, "400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			_, err := c.Task(t.Context(), "a")
			if rpc.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %s: %v", rpc.CodeOf(err), err)
			}
			if p, ok := errors.AsType[*Problem](err); ok && p.Status != tc.status {
				t.Errorf("the problem is %+v", p)
			}
		})
	}
}

// What may be repeated is, with the same key; what may not is sent once.
func TestBrokenConnections(t *testing.T) {
	var n atomic.Int32
	keys := make(chan string, 10)
	c, srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Idempotency-Key")
		switch n.Add(1) {
		case 1:
			drop()
		case 2: // what was sent is under way
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"code":"conflict","detail":"under way"}`)
			return
		}
		_, _ = io.WriteString(w, `{}`)
	})
	if _, err := c.StartTask(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	one, two, three := <-keys, <-keys, <-keys
	if one == "" || one != two || two != three {
		t.Errorf("keys %q %q %q", one, two, three)
	}
	n.Store(0)
	if err := c.DeleteTask(t.Context(), "a"); rpc.CodeOf(err) != rpc.Unavailable || n.Load() != 1 {
		t.Errorf("deleted %d times: %v", n.Load(), err)
	}
	srv.Close()
	if _, err := c.Task(t.Context(), "a"); rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "agata up") {
		t.Errorf("got %v", err)
	}
}

func TestDeadline(t *testing.T) {
	release := make(chan struct{})
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	c.timeout = 50 * time.Millisecond
	if _, err := c.Task(t.Context(), "a"); rpc.CodeOf(err) != rpc.Deadline {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Task(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		piece := []byte(strings.Repeat(" ", 1<<20))
		for range maxAnswer>>20 + 2 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	if _, err := c.Task(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("got %v", err)
	}
}
