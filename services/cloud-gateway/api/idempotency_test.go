package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t, nil)
	const key = "Idempotency-Key"
	first := w.ask("POST", "/tasks", newTask("t1"), key, "k1")
	again := w.ask("POST", "/tasks", newTask("t1"), key, "k1")
	if first.status != 201 || first.header.Get("Idempotent-Replayed") != "" {
		t.Fatalf("got %d %v", first.status, first.header)
	}
	for _, a := range []answer{again} {
		if a.status != 201 || a.body != first.body || a.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("got %d %v %s", a.status, a.header, a.body)
		}
		for _, name := range []string{"Location", "ETag", "Content-Type"} {
			if a.header.Get(name) != first.header.Get(name) || a.header.Get(name) == "" {
				t.Errorf("%s: %q, first %q", name, a.header.Get(name), first.header.Get(name))
			}
		}
	}
	w.wantProblem(w.ask("POST", "/tasks", newTask("t2"), key, "k1"), 422, "idempotency_key_reused")
	w.wantProblem(w.ask("POST", "/tasks/t1/start", nil, key, "k1"), 422, "idempotency_key_reused")
	for _, bad := range []string{"", strings.Repeat("k", 256), "k\tk", "ü"} {
		if p := w.wantProblem(w.ask("POST", "/tasks", newTask("t3"), key, bad), 400, "invalid"); p.Fields[key] == "" {
			t.Errorf("%q: %+v", bad, p)
		}
	}
	// What failed may be tried again with the key, also with a corrected body.
	w.wantProblem(w.ask("POST", "/tasks", map[string]string{"task_id": "t4"}, key, "k4"), 400, "invalid")
	if a := w.ask("POST", "/tasks", newTask("t4"), key, "k4"); a.status != 201 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if n := w.cloud.called(contract.CreateTask.Name); n != 2 {
		t.Errorf("the service was asked %d times to create two tasks", n)
	}
	// A restart of the gateway forgets nothing.
	w.stop()
	w.serve(func(*Options) {})
	if a := w.ask("POST", "/tasks", newTask("t1"), key, "k1"); a.status != 201 || a.body != first.body || a.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("after a restart: %d %s", a.status, a.body)
	}
}

// TestIdempotencyKeyUnderWay: the second of two waits for nobody, and one whose
// caller left is carried out all the same.
func TestIdempotencyKeyUnderWay(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	w.ask("PUT", "/tasks/t1/files/server.py", "print()")
	hold := make(chan struct{})
	w.cloud.with(func(c *cloud) { c.hold = hold })

	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, "POST", w.url+Prefix+"/tasks/t1/start", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", "k1")
	left := make(chan struct{})
	go func() {
		defer close(left)
		if resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req); err == nil {
			resp.Body.Close()
			t.Error("the caller did not leave")
		}
	}()
	testenv.Eventually(t, 10*time.Second, "the start is under way", func() bool { return w.cloud.called(contract.StartServerTask.Name) == 1 })
	p := w.ask("POST", "/tasks/t1/start", nil, "Idempotency-Key", "k1")
	w.wantProblem(p, 409, "conflict")
	if p.header.Get("Retry-After") == "" {
		t.Error("nobody is told when to try again")
	}
	w.wantProblem(w.ask("POST", "/tasks/t1/stop", nil, "Idempotency-Key", "k1"), 422, "idempotency_key_reused")
	leave()
	<-left
	close(hold)
	testenv.Eventually(t, 10*time.Second, "the answer is remembered", func() bool {
		return w.ask("POST", "/tasks/t1/start", nil, "Idempotency-Key", "k1").header.Get("Idempotent-Replayed") == "true"
	})
	if n := w.cloud.called(contract.StartServerTask.Name); n != 1 {
		t.Errorf("the task was started %d times", n)
	}
}

// TestIdempotencyKeyOfALostAnswer: the service knows the repetition of a call
// whose answer did not come.
func TestIdempotencyKeyOfALostAnswer(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeout = time.Second })
	w.ask("POST", "/tasks", newTask("t1"))
	w.ask("PUT", "/tasks/t1/files/server.py", "print()")
	hold := make(chan struct{})
	w.cloud.with(func(c *cloud) { c.hold = hold })
	start := func() answer { return w.ask("POST", "/tasks/t1/start", nil, "Idempotency-Key", "k1") }
	if p := w.wantProblem(start(), 504, "deadline"); !strings.Contains(p.Detail, "cloud-task-manager is busy") || !strings.Contains(p.Hint, "took effect") {
		t.Errorf("problem %+v", p)
	}
	close(hold)
	if a := start(); a.status != 200 {
		t.Errorf("the repetition: %d %s", a.status, a.body)
	}
	if n := w.cloud.called(contract.StartServerTask.Name); n != 1 {
		t.Errorf("the task was started %d times", n)
	}
}

func TestFailuresOfServices(t *testing.T) {
	w := newWorld(t, nil)
	for code, status := range map[rpc.Code]int{rpc.Unavailable: 503, rpc.Deadline: 504, rpc.Internal: 500, rpc.Forbidden: 403, rpc.Unauthorized: 401, rpc.Conflict: 409} {
		w.cloud.with(func(c *cloud) { c.refuses[contract.ListTasks.Name] = rpc.Text(code, "why") })
		a := w.ask("GET", "/tasks", nil)
		if p := w.wantProblem(a, status, string(code)); p.Detail != "why" || (a.header.Get("Retry-After") != "") != (status == 503) {
			t.Errorf("%s: %+v", code, p)
		}
	}
	hidden := newWorld(t, func(o *Options) { o.HideErrors = true })
	hidden.cloud.with(func(c *cloud) { c.refuses[contract.ListTasks.Name] = rpc.Text(rpc.Internal, "secret") })
	if p := hidden.wantProblem(hidden.ask("GET", "/tasks", nil), 500, "internal"); p.Detail != contract.HiddenError {
		t.Errorf("problem %+v", p)
	}
}
