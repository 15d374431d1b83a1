package attack

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// endless is a body without an end; it tells how much of it was read.
type endless struct{ n atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n.Add(int64(len(p)))
	return copy(p, bytes.Repeat([]byte("["), len(p))), nil
}

func TestNoBodyIsReadForEver(t *testing.T) {
	w := newWorld(t)
	w.task("own")
	const most = 64 << 20 // what is in the buffers of both ends counts too
	for _, to := range []struct{ who, method, base, path string }{
		{"operator", "POST", w.gateway, "/rpc_exec_create_task"},
		{"operator", "POST", w.gateway, "/api/v1/tasks"},
		{"nobody", "POST", w.gateway, "/api/v1/session"},
		{"nobody", "POST", w.gateway, "/api/v1/enrol"},
		{"nobody", "POST", w.gateway, "/rpc_exec_create_task"},
		{"c1", "POST", w.gateway, "/api/v1/clients/c1/records"},
		{"nobody", "POST", w.files, "/upload_files"},
		{"nobody", "GET", w.files, "/download/own/client.py"},
	} {
		body := &endless{}
		req, err := http.NewRequestWithContext(t.Context(), to.method, "http://"+to.base+to.path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token := w.tokens[to.who]; token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		tr := &http.Transport{DisableKeepAlives: true}
		began := time.Now()
		resp, err := tr.RoundTrip(req)
		if err == nil {
			if resp.StatusCode < 400 || resp.StatusCode >= 500 {
				t.Errorf("%s %s: %s", to.method, to.path, resp.Status)
			}
			_ = resp.Body.Close()
		}
		tr.CloseIdleConnections()
		if body.n.Load() > most || time.Since(began) > patience {
			t.Errorf("%s %s: %d bytes were read in %s", to.method, to.path, body.n.Load(), time.Since(began))
		}
	}
	if got := w.state("own"); got == "" {
		t.Error("the cloud answers no more")
	}
}

func TestNoFormIsReadForEver(t *testing.T) {
	w := newWorld(t, "server.files.max_file_mb", "1")
	w.task("own")
	before := w.tree()
	ticket := w.uploadTicket("own")
	head := "--x\r\nContent-Disposition: form-data; name=\"task_id\"\r\n\r\nown\r\n--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"big.bin\"\r\n\r\n"
	for name, body := range map[string]io.Reader{
		"a file without end":   io.MultiReader(strings.NewReader(head), &endless{}),
		"a header without end": io.MultiReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\""), &endless{}),
		"parts without end":    io.LimitReader(&repeated{[]byte("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n"), 0}, 1<<30),
	} {
		counted := &counter{Reader: body}
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+w.files+"/upload_files", counted)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		req.Header.Set("Authorization", "Bearer "+ticket)
		tr := &http.Transport{DisableKeepAlives: true}
		resp, err := tr.RoundTrip(req)
		if err == nil {
			if resp.StatusCode < 400 || resp.StatusCode >= 500 {
				t.Errorf("%s: %s", name, resp.Status)
			}
			_ = resp.Body.Close()
		}
		tr.CloseIdleConnections()
		if counted.n.Load() > 64<<20 {
			t.Errorf("%s: %d bytes were read", name, counted.n.Load())
		}
	}
	w.unchanged(before)
}

// repeated says the same again and again.
type repeated struct {
	text []byte
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

type counter struct {
	io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// uploadTicket is one that an operator asked for.
func (w *world) uploadTicket(task string) string {
	w.Helper()
	var issued struct{ Token string }
	decode(w, w.must(201, "operator", "POST", "/api/v1/tasks/"+task+"/upload-ticket", ""), &issued)
	return issued.Token
}

func TestNoOddJSONIsTakenOrHoldsTheCloudUp(t *testing.T) {
	w := newWorld(t)
	const good = `"host":"h","port":1,"username":"u","password":"p","files_paths":[]`
	for name, body := range map[string]string{
		"deep arrays":        `{"task_id":"odd",` + good + `,"tags":` + strings.Repeat("[", 400_000) + strings.Repeat("]", 400_000) + `}`,
		"deep objects":       strings.Repeat(`{"a":`, 150_000) + "1" + strings.Repeat("}", 150_000),
		"open brackets":      strings.Repeat("[", 1_000_000),
		"many names":         `{` + strings.Repeat(`"a":1,`, 150_000) + `"b":1}`,
		"a huge number":      `{"task_id":"odd",` + strings.Replace(good, ":1,", ":1e999999999,", 1) + `}`,
		"a long number":      `{"task_id":"odd",` + strings.Replace(good, ":1,", ":"+strings.Repeat("9", 900_000)+",", 1) + `}`,
		"a fraction":         `{"task_id":"odd",` + strings.Replace(good, ":1,", ":1.5,", 1) + `}`,
		"not UTF-8":          "{\"task_id\":\"odd\xff\"," + good + `}`,
		"a byte order mark":  "\ufeff{\"task_id\":\"odd\"," + good + `}`,
		"two values":         `{"task_id":"odd",` + good + `}{"task_id":"odd",` + good + `}`,
		"another case":       `{"TASK_ID":"odd",` + good + `}`,
		"comments":           `{"task_id":"odd",/**/` + good + `}`,
		"NaN":                `{"task_id":"odd",` + strings.Replace(good, ":1,", ":NaN,", 1) + `}`,
		"a prototype":        `{"task_id":"odd","__proto__":{"admin":true},` + good + `}`,
		"half a surrogate":   `{"task_id":"\ud800odd",` + good + `}`,
		"nothing but blanks": strings.Repeat(" ", 1000),
		"null":               `null`,
	} {
		for _, path := range []string{"/rpc_exec_create_task", "/api/v1/tasks"} {
			began := time.Now()
			a := w.ask("operator", "POST", path, body, "Content-Type", "application/json")
			if a.status < 400 || a.status >= 500 || time.Since(began) > patience/2 {
				t.Errorf("%s: %s: %v after %s", name, path, a, time.Since(began))
			}
		}
		if w.state("odd") != "" {
			t.Fatalf("%s: a task was made", name)
		}
	}
	// Of two values the last counts, for the gateway and for the service alike.
	w.must(200, "operator", "POST", "/rpc_exec_create_task", `{"task_id":"first","task_id":"last",`+good+`}`)
	if w.state("first") != "" || w.state("last") == "" {
		t.Error("the gateway and the service read a name that is told twice in two ways")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 1<<30 {
		t.Errorf("%d bytes are in use", m.HeapAlloc)
	}
}

func TestNoCriterionRunsForEver(t *testing.T) {
	w := newWorld(t)
	w.task("own")
	for _, src := range []string{
		`"a" * 99999999 == ID`, `len([1] * 99999999) > 1`, `9 ** 9 ** 9 ** 9 > 1`, `1 << 99999999 > 0`,
		`any(any(any(any(s == t for s in sensors) for t in sensors) for u in sensors) for v in sensors)`,
		strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000), strings.Repeat("not ", 2000) + "True", strings.Repeat("1+", 3000) + "1 > 0",
		`__import__("os").system("touch /tmp/x")`, `open("/etc/passwd")`, `().__class__.__bases__`, `"%s" % ID`, `"{0.__class__}".format(ID) == ""`,
	} {
		body := `{"selection_criteria":` + quoted(src) + `}`
		began := time.Now()
		w.ask("operator", "PATCH", "/api/v1/tasks/own", body, "If-Match", "*")
		w.ask("viewer", "POST", "/api/v1/criteria/check", `{"expression":`+quoted(src)+`}`)
		if took := time.Since(began); took > patience/2 {
			t.Errorf("%.60q took %s", src, took)
		}
	}
	w.must(200, "viewer", "GET", "/api/v1/tasks/own/explain?client=c1", "")
}
