package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBadInputToEveryRoute: each refuses parameters, fields, bodies and media
// types that it does not have, as a problem that names them.
func TestBadInputToEveryRoute(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	fill := strings.NewReplacer("{id}", "t1", "{client}", "c1", "{task}", "t1", "{path...}", "a.py", "{function}", "f", "{command}", "c", "{execution}", "e")
	for _, rt := range w.api.routes() {
		path := fill.Replace(rt.path)
		t.Run(rt.method+" "+rt.path, func(t *testing.T) {
			w.t = t
			if p := w.wantProblem(w.ask(rt.method, path+"?colour=red", nil), 400, "invalid"); !strings.HasPrefix(p.Fields["colour"], "is no parameter here") || p.Hint == "" {
				t.Errorf("an unknown parameter: %+v", p)
			}
			for _, name := range rt.query {
				if p := w.wantProblem(w.ask(rt.method, path+"?"+name+"=1&"+name+"=2", nil), 400, "invalid"); !strings.Contains(p.Fields[name], "more than once") {
					t.Errorf("%s twice: %+v", name, p)
				}
				// Too long, or not one of the words, or no number.
				if p := w.wantProblem(w.ask(rt.method, path+"?"+name+"="+strings.Repeat("x", 1025), nil), 400, "invalid"); p.Fields[name] == "" {
					t.Errorf("%s: %+v", name, p)
				}
			}
			if rt.method == http.MethodGet || rt.method == http.MethodPut || strings.HasSuffix(rt.path, "/records") {
				return
			}
			header := []string{"If-Match", "*"}
			for body, status := range map[string]int{`{"colour":"red"}`: 400, `[]`: 400, `{`: 400, "\"\xff\"": 400, `null`: 400, `{"a":1e999}`: 400, `{"a":"` + strings.Repeat("x", maxJSON) + `"}`: 413} {
				a := w.ask(rt.method, path, body, header...)
				if status == 413 {
					w.wantProblem(a, 413, "too_large")
				} else if p := w.wantProblem(a, 400, "invalid"); body == `{"colour":"red"}` && p.Fields["colour"] != "is not a field of this request" {
					t.Errorf("an unknown field: %+v", p)
				}
			}
			w.wantProblem(w.ask(rt.method, path, "a=1", append(header, "Content-Type", "application/x-www-form-urlencoded")...), 415, "unsupported_media_type")
			if strings.Contains(rt.path, "{id}") && rt.method != http.MethodDelete {
				if p := w.wantProblem(w.ask(rt.method, path, `{"task_id":"t2"}`, header...), 400, "invalid"); p.Fields["task_id"] == "" {
					t.Errorf("another task than the path's: %+v", p)
				}
			}
		})
	}
}

func TestBadValues(t *testing.T) {
	w := newWorld(t, nil)
	for path, field := range map[string]string{
		"/tasks?limit=0": "limit", "/tasks?limit=1001": "limit", "/tasks?state=old": "state", "/tasks?order=oldest": "order", "/clients?limit=x": "limit",
		"/tasks/t1/logs?lines=0": "lines", "/tasks/t1/explain": "client", "/tasks/t1/metrics?points=7": "points", "/executions?side=left": "side",
		"/executions?state=new": "state", "/events?order=id": "order", "/events?from=yesterday": "from", "/events?from=2&to=1": "to",
		"/events/density?by=task": "by", "/events/density?buckets=501": "buckets", "/events/density?lanes=0": "lanes",
		"/live?kinds=event,all": "kinds", "/live?after=-1": "after", "/live?after=abc": "after", "/events/live?after=1.5": "after",
	} {
		if p := w.wantProblem(w.ask("GET", path, nil), 400, "invalid"); p.Fields[field] == "" || len(p.Fields) != 1 {
			t.Errorf("%s: %+v", path, p)
		}
	}
	w.wantProblem(w.ask("GET", "/live", nil, "Last-Event-ID", "abc"), 400, "invalid")
	long := strings.Repeat("x", 257)
	for _, path := range []string{"/tasks/" + long, "/tasks/" + long + "/logs", "/clients/" + long, "/tasks/t1/explain?client=" + long} {
		if a := w.ask("GET", path, nil); a.status != 400 && a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if p := w.wantProblem(w.ask("PATCH", "/tasks/"+long, map[string]int{"port": 1}, "If-Match", "*"), 404, "not_found"); p.Hint == "" {
		t.Errorf("problem %+v", p)
	}
}

func TestWhatIsNoRoute(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{"/nothing", "", "/", "/tasks/", "/tasks/a/b", "/tasks//files", "/tasks/../tasks", "/tasks/a/files/../../b"} {
		for _, method := range []string{"GET", "POST", "DELETE", "BREW"} {
			w.wantProblem(w.ask(method, path, nil), 404, "not_found")
		}
	}
	for path, allow := range map[string]string{
		"/tasks": "GET, HEAD, POST", "/tasks/a": "DELETE, GET, HEAD, PATCH", "/tasks/a/start": "POST", "/overview": "GET, HEAD",
		"/tasks/a/files/b/c": "DELETE, GET, HEAD, PUT", "/live": "GET, HEAD",
	} {
		a := w.ask("BREW", path, nil)
		w.wantProblem(a, 405, "method_not_allowed")
		if a.header.Get("Allow") != allow {
			t.Errorf("%s allows %q, want %q", path, a.header.Get("Allow"), allow)
		}
	}
}

func TestHead(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	for _, path := range []string{"/tasks", "/tasks/t1", "/clients", "/overview", "/events", "/executions"} {
		full, head := w.ask("GET", path, nil), w.ask("HEAD", path, nil)
		if head.status != 200 || head.body != "" || full.body == "" || head.header.Get("ETag") != full.header.Get("ETag") {
			t.Errorf("%s: %d %q", path, head.status, head.body)
		}
	}
	if a := w.ask("HEAD", "/tasks/none", nil); a.status != 404 || a.body != "" {
		t.Errorf("got %d %q", a.status, a.body)
	}
}

// TestBodyThatComesSlowly is answered, not waited for.
func TestBodyThatComesSlowly(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeout = 300 * time.Millisecond })
	r, half := io.Pipe()
	defer half.Close()
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+Prefix+"/tasks", r)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Transport{}
	defer client.CloseIdleConnections()
	go func() { _, _ = io.WriteString(half, `{"task_id":`) }()
	resp, err := client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 408 {
		t.Errorf("got %s", resp.Status)
	}
}
