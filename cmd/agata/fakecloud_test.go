package main

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// fakeCloud is a gateway and a file server that remember what they were sent.
type fakeCloud struct {
	t       *testing.T
	gateway *httptest.Server
	files   *httptest.Server

	mu     sync.Mutex
	calls  []call
	answer map[string]func(body []byte) (int, any)
	routes map[string]http.HandlerFunc // "GET /path"
	got    map[string]string           // by file name
	taskID string
	length int64
}

type call struct {
	function string
	body     string
}

func newFakeCloud(t *testing.T) *fakeCloud {
	t.Helper()
	f := &fakeCloud{t: t, answer: map[string]func([]byte) (int, any){}, routes: map[string]http.HandlerFunc{}, got: map[string]string{}}
	f.gateway = httptest.NewServer(f.api())
	f.files = httptest.NewServer(http.HandlerFunc(f.upload))
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		f.gateway.Close()
		f.files.Close()
	})
	t.Chdir(t.TempDir()) // no config.ini
	return f
}

func (f *fakeCloud) upload(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.length = r.ContentLength
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.URL.Path != "/upload_files" {
		f.t.Errorf("upload to %s: %v", r.URL.Path, err)
	}
	names := []string{}
	for form := multipart.NewReader(r.Body, params["boundary"]); ; {
		part, err := form.NextRawPart()
		if err != nil {
			if err != io.EOF {
				f.t.Error(err)
			}
			break
		}
		content, err := io.ReadAll(part)
		if err != nil {
			f.t.Error(err)
		}
		_, disposition, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		switch part.FormName() {
		case "task_id":
			f.taskID = string(content)
		case "files":
			names = append(names, disposition["filename"])
			f.got[disposition["filename"]] = string(content)
		}
	}
	_ = json.NewEncoder(w).Encode(uploaded{Message: "Files uploaded successfully", Files: names})
}

func (f *fakeCloud) on(fn string, answer func(body []byte) (int, any)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer[fn] = answer
}

// fails makes a function answer with an exception.
func (f *fakeCloud) fails(fn string, status int, text string) {
	f.on(fn, func([]byte) (int, any) { return status, text })
}

func (f *fakeCloud) called() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// lists makes the cloud have tasks: it lists them as the service does, by id, after
// the id that is asked for, and describes each.
func (f *fakeCloud) lists(tasks ...contract.TaskSummary) {
	slices.SortFunc(tasks, func(a, b contract.TaskSummary) int { return strings.Compare(a.ID, b.ID) })
	f.on(contract.ListTasks.Name, func(body []byte) (int, any) {
		var req contract.ListTasksRequest
		if err := json.Unmarshal(body, &req); err != nil {
			f.t.Error(err)
		}
		page := contract.TaskList{Tasks: []contract.TaskSummary{}}
		for _, task := range tasks {
			if task.ID <= req.After || req.State != "" && task.State != req.State || !strings.Contains(task.ID, req.Query) {
				continue
			}
			if len(page.Tasks) == req.Limit {
				page.Next = page.Tasks[req.Limit-1].ID
				break
			}
			page.Tasks = append(page.Tasks, task)
		}
		return http.StatusOK, page
	})
	f.on(contract.DescribeTask.Name, func(body []byte) (int, any) {
		var req contract.TaskIDRequest
		if err := json.Unmarshal(body, &req); err != nil {
			f.t.Error(err)
		}
		for _, task := range tasks {
			if task.ID == req.TaskID {
				return http.StatusOK, described(task)
			}
		}
		return http.StatusNotFound, contract.TaskNotRegistered(req.TaskID)
	})
}

// described is the detail of a task that is listed.
func described(s contract.TaskSummary) contract.TaskDetail {
	return contract.TaskDetail{Task: contract.Task{ID: s.ID, Tags: s.Tags}, State: s.State, Reason: s.Reason, Round: s.Round, Acc: s.Acc, PID: s.PID, Revision: s.Revision}
}

// result is what a command line gave.
type result struct {
	code     int
	out, err string
}

// agata runs a command line against the fake.
func (f *fakeCloud) agata(args ...string) result {
	f.t.Helper()
	var out, errOut bytes.Buffer
	args = append(args, "--set", "server.gateway.url="+f.gateway.URL, "--set", "server.files.url="+f.files.URL)
	code := run(f.t.Context(), args, strings.NewReader(""), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

// ok runs a command line that must succeed.
func (f *fakeCloud) ok(args ...string) result {
	f.t.Helper()
	r := f.agata(args...)
	if r.code != exitOK {
		f.t.Fatalf("agata %v: exit code %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r
}

// closedPort is an address that refuses connections.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
