package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// start runs a command line that goes on until it is stopped.
func (f *fakeCloud) start(t *testing.T, out io.Writer, args ...string) (stop func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	args = append(args, "--set", "server.gateway.url="+f.gateway.URL)
	go func() { done <- run(ctx, args, strings.NewReader(""), out, io.Discard) }()
	return func() int {
		cancel()
		return <-done
	}
}

func TestOverview(t *testing.T) {
	f := newFakeCloud(t)
	f.json("GET /api/v1/overview", `{"tasks":{"new":1,"failed":2},"clients":{"known":3,"seen":2,"running_on":1},"executions":{"running":1,"failed_lately":2},
		"broker":{"up":false,"error":"it is away"},"history":{"events":7,"first":1,"last":2,"bytes":2048},"services":[{"name":"cloud-gateway","host":"h","pid":7,"uptime_seconds":3}],
		"running":[{"id":"e1","task":"a","client":"car-7","side":"client","state":"running","pid":9,"started":1}],
		"failures":[{"id":"e2","task":"b","side":"server","state":"failed","reason":"report_error","detail":"no\ndata","started":1,"ended":3.5}],
		"version":"1","missing":["nobody counts"]}`)
	r := f.ok("status")
	for _, want := range []string{"1 new, 0 running, 2 failed", "3 known, 2 seen within a minute, 1 with", "away: it is away", "7 events since", "2.0 KiB",
		"a     car-7", "b     (cloud)  failed", "2.5s", "report_error: no data", "cloud-gateway", "incomplete: nobody counts"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	if r := f.ok("overview", "--format", "json"); !strings.Contains(r.out, `"known": 3`) {
		t.Errorf("got %s", r.out)
	}
}

func TestExplainAll(t *testing.T) {
	f := newFakeCloud(t)
	f.json("GET /api/v1/tasks/a/clients", `{"running":true,"clients":[
		{"user_id":"car-7","selected":false,"status":"not_selected","clause":{"text":"data_qnt > 50","outcome":"false","detail":"data_qnt = 7"},"last_seen":0},
		{"user_id":"car-8","selected":true,"status":"quarantined","quarantine":{"task_id":"a","reason":"it\nbroke","until":5},"last_seen":1}],"total":2}`)
	r := f.ok("task", "explain", "a")
	lines := strings.Split(r.out, "\n")
	if lines[1] != "car-7   not_selected  never          data_qnt > 50: data_qnt = 7" && !strings.Contains(lines[1], "data_qnt > 50: data_qnt = 7") || !strings.Contains(lines[2], "it broke") {
		t.Errorf("got %s", r.out)
	}
	f.json("GET /api/v1/tasks/a/clients", `{"running":true,"clients":[]}`)
	if r := f.ok("task", "explain", "a", "--format", "json"); r.out != "[]\n" || !strings.Contains(r.err, "no client has reported") {
		t.Errorf("got %+v", r)
	}
}

func TestExecutions(t *testing.T) {
	f := newFakeCloud(t)
	f.route("GET /api/v1/executions", func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.RawQuery; got != "limit=2&state=failed&task=a" && got != "client=car-7&limit=500" {
			t.Errorf("asked %s", got)
		}
		_, _ = io.WriteString(w, `{"executions":[{"id":"e1","task":"a","client":"car-7","side":"client","state":"failed","reason":"signaled","signal":9,"started":1,"ended":2}]}`)
	})
	if r := f.ok("task", "executions", "a", "--state", "failed", "--limit", "2"); !strings.Contains(r.out, "a     car-7  failed") || !strings.Contains(r.out, "1s    signaled  e1") {
		t.Errorf("got %s", r.out)
	}
	f.ok("client", "executions", "car-7")
	f.json("GET /api/v1/executions/e1", `{"id":"e1","task":"a","client":"car-7","state":"failed","signal":9,"quarantined":true,"last_lines":["one","\u001b[2Jtwo"]}`)
	r := f.ok("task", "executions", "a", "e1")
	for _, want := range []string{"signal     9", "exit code  -", "agata client release a --client car-7", "last lines\n  one\n  \ufffd[2Jtwo\n"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
}

func TestReleaseThroughTheCloud(t *testing.T) {
	for state, code := range map[string]int{"done": exitOK, "failed": exitFailed} {
		f := newFakeCloud(t)
		var looks atomic.Int32
		f.route("POST /api/v1/clients/car-7/quarantine/a/release", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"id":"k1","kind":"release","task":"a","client":"car-7","state":"pending"}`)
		})
		f.route("GET /api/v1/commands/k1", func(w http.ResponseWriter, r *http.Request) {
			now := "pending"
			if looks.Add(1) > 1 {
				now = state
			}
			_, _ = io.WriteString(w, `{"id":"k1","kind":"release","task":"a","client":"car-7","state":"`+now+`","error":"not in quarantine"}`)
		})
		r := f.agata("client", "release", "a", "--client", "car-7")
		if r.code != exitOK || !strings.Contains(r.err, "when it reports next") {
			t.Errorf("got %+v", r)
		}
		r = f.agata("client", "release", "a", "--client", "car-7", "--wait", "--format", "json")
		if r.code != code || !strings.Contains(r.out, `"state": "`+state+`"`) || code == exitFailed && !strings.Contains(r.err, "not in quarantine") {
			t.Errorf("%s: got %+v", state, r)
		}
		f.json("GET /api/v1/commands/k1", `{"id":"k1","state":"pending"}`)
		if r := f.agata("client", "release", "a", "--client", "car-7", "--wait", "--timeout", "100ms"); r.code != exitTimeout {
			t.Errorf("got %+v", r)
		}
	}
}

func TestStartWaitsForAClient(t *testing.T) {
	f := newFakeCloud(t)
	f.lists(contract.TaskSummary{ID: "a", State: "running"})
	var looks atomic.Int32
	f.route("GET /api/v1/executions", func(w http.ResponseWriter, r *http.Request) {
		if looks.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"executions":[]}`)
			return
		}
		_, _ = io.WriteString(w, `{"executions":[{"id":"e1","client":"car-7"}]}`)
	})
	if r := f.ok("task", "start", "a", "--wait=client"); !strings.Contains(r.err, "client car-7 runs it") {
		t.Errorf("got %+v", r)
	}
	f.json("GET /api/v1/executions", `{"executions":[]}`)
	if r := f.agata("task", "start", "a", "--wait=client", "--timeout", "100ms"); r.code != exitTimeout || !strings.Contains(r.err, "agata task explain a") {
		t.Errorf("got %+v", r)
	}
	f.lists(contract.TaskSummary{ID: "a", State: "failed", Reason: "it broke"})
	if r := f.agata("task", "start", "a", "--wait=client"); r.code != exitFailed || !strings.Contains(r.err, "task a has failed: it broke") {
		t.Errorf("got %+v", r)
	}
	f.ok("task", "stop", "a", "--wait")
	f.lists(contract.TaskSummary{ID: "a", State: "running"})
	if r := f.agata("task", "stop", "a", "--wait", "--timeout", "100ms"); r.code != exitTimeout {
		t.Errorf("got %+v", r)
	}
}

func TestCriteria(t *testing.T) {
	f := newFakeCloud(t)
	f.on(contract.CheckCriteria.Name, func(body []byte) (int, any) {
		if string(body) == `{"expression":"1 +"}` {
			return 200, contract.CriteriaCheck{Error: "an operand is missing", Column: 4}
		}
		return 200, contract.CriteriaCheck{Valid: true, Clients: 3, Matches: 2, Failing: 1, Sample: []string{"car-7"}, Names: []string{"gpu"}}
	})
	if r := f.ok("task", "criteria", "gpu"); !strings.Contains(r.out, "2 of 3 clients match\n") || !strings.Contains(r.out, "car-7") {
		t.Errorf("got %s", r.out)
	}
	if r := f.agata("task", "criteria", "1 +"); r.code != exitFailed || !strings.Contains(r.err, "at column 4: an operand is missing") {
		t.Errorf("got %+v", r)
	}
}

func TestFilesAndDownload(t *testing.T) {
	f := newFakeCloud(t)
	contents := map[string][]byte{"server.py": []byte("server"), "lib/model.bin": bytes.Repeat([]byte("0123"), 50_000)}
	list := contract.TaskFiles{Missing: []string{"client.py"}}
	for _, name := range []string{"server.py", "lib/model.bin"} {
		sum := sha256.Sum256(contents[name])
		list.Files = append(list.Files, contract.TaskFile{Path: name, Size: int64(len(contents[name])), SHA256: hex.EncodeToString(sum[:]), Client: name != "server.py"})
		f.route("GET /api/v1/tasks/a/files/"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(contents[name]))
		})
	}
	f.on(contract.ListTaskFiles.Name, func([]byte) (int, any) { return 200, list })
	if r := f.ok("task", "files", "a"); !strings.Contains(r.out, "lib/model.bin  195.3 KiB  client") || !strings.Contains(r.out, "client.py      missing    client  -") {
		t.Errorf("got %s", r.out)
	}
	r := f.ok("task", "download", "a", "--to", "copy")
	if got, err := os.ReadFile("copy/lib/model.bin"); err != nil || !bytes.Equal(got, contents["lib/model.bin"]) || !strings.Contains(r.err, "2 files of task a, 195.3 KiB, in copy; 0 were there") {
		t.Errorf("%d bytes, %v: %s", len(got), err, r.err)
	}
	if r := f.ok("task", "download", "a", "--to", "copy"); !strings.Contains(r.err, "0 files of task a, 0 B, in copy; 2 were there") {
		t.Errorf("got %+v", r)
	}
	write(t, "copy/server.py", "mine")
	if r := f.agata("task", "download", "a", "--to", "copy"); r.code != exitFailed || !strings.Contains(r.err, "copy/server.py is there with other content; --force") {
		t.Errorf("got %+v", r)
	}
	f.ok("task", "download", "a", "server.py", "server.py", "--to", "copy", "--force")
	if got, err := os.ReadFile("copy/server.py"); err != nil || string(got) != "server" {
		t.Errorf("%s, %v", got, err)
	}
	f.ok("task", "download", "a") // into a folder of its name
	if _, err := os.Stat("a/lib/model.bin"); err != nil {
		t.Error(err)
	}
	if r := f.agata("task", "download", "a", "none.py"); r.code != exitFailed || !strings.Contains(r.err, "agata task files a lists them") {
		t.Errorf("got %+v", r)
	}
	// A cloud that is not to be trusted.
	list.Files = []contract.TaskFile{{Path: "../out.py"}}
	if r := f.agata("task", "download", "a"); r.code != exitFailed || !strings.Contains(r.err, "leads out of the task") {
		t.Errorf("got %+v", r)
	}
	list.Files = nil
	if r := f.agata("task", "download", "a"); r.code != exitFailed || !strings.Contains(r.err, "has no files") {
		t.Errorf("got %+v", r)
	}
}
