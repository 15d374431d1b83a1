package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an API over a broker, with a cloud behind it and a history of its own.
type world struct {
	t     *testing.T
	cloud *cloud
	api   *API
	store *history.Store
	tr    *amqpx.Transport
	url   string // of the gateway, without /api/v1
	path  string // of the history
	stop  func() // ends the HTTP server
}

// newWorld runs one; change, if set, adjusts the API's options.
func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, cloud: newCloud(t), path: filepath.Join(t.TempDir(), "history.db")}
	w.tr = brokertest.Connect(t, brokertest.Embedded(t))
	s, err := baseservice.New(baseservice.Options{Name: "cloud-task-manager", Transport: w.tr, Schemas: brokertest.Schemas(t), SoftDrain: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w.cloud.serve(s)
	brokertest.Run(t, "the cloud", s.Run)
	brokertest.Wait(t, "the start of the cloud", s.Started())

	handler, err := artifact.NewHandler(artifact.HandlerOptions{Store: w.cloud.files,
		Credentials: func(_ context.Context, id string) (user, pass string, found bool, err error) {
			w.cloud.with(func(c *cloud) {
				if task := c.tasks[id]; task != nil {
					user, pass, found = task.Username, task.Password, true
				}
			})
			return user, pass, found, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	files := httptest.NewServer(handler)
	t.Cleanup(files.Close)
	w.serve(func(o *Options) {
		o.FilesURL = func() string { return files.URL }
		if change != nil {
			change(o)
		}
	})
	return w
}

// serve opens the history and serves the API over it, until stop or the end of
// the test.
func (w *world) serve(change func(*Options)) {
	w.t.Helper()
	store, err := history.Open(w.t.Context(), w.path, history.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	opt := Options{Transport: w.tr, History: store, Schemas: brokertest.Schemas(w.t), MaxFileBytes: maxTestFile, Timeout: 5 * time.Second, Version: "1.2.3"}
	change(&opt)
	a, err := New(opt)
	if err != nil {
		w.t.Fatal(err)
	}
	server, err := httpx.New(httpx.Options{Addr: "127.0.0.1:0", Handler: httpx.Chain(a, httpx.Trace(), httpx.Gzip())})
	if err != nil {
		w.t.Fatal(err)
	}
	stop := brokertest.Run(w.t, "gateway", func(ctx context.Context) error {
		err := server.Run(ctx)
		a.Close()
		if err := store.Close(); err != nil {
			return err
		}
		return err
	})
	w.api, w.store, w.stop, w.url = a, store, stop, "http://"+server.Addr()
}

// answer is what a client sees of a response.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request to a path below /api/v1. A body that is no string is sent
// as JSON.
func (w *world) ask(method, path string, body any, header ...string) answer {
	w.t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		b, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = strings.NewReader(string(b))
		header = append(header, "Content-Type", "application/json")
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.url+Prefix+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Transport{DisableCompression: true}
	defer client.CloseIdleConnections()
	resp, err := client.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{resp.StatusCode, resp.Header, string(b)}
	_, pattern := w.api.mux.Handler(req)
	spec().check(w.t, pattern, req, a) // every answer is as it is described
	return a
}

// problem is the body of a failure.
type problem struct {
	Type, Title, Code, Detail, Hint string
	Status                          int
	CorrelationID                   string `json:"correlation_id"`
	Fields                          map[string]string
}

// wantProblem checks that an answer is a problem of this status and code.
func (w *world) wantProblem(a answer, status int, code string) problem {
	w.t.Helper()
	var p problem
	err := json.Unmarshal([]byte(a.body), &p)
	if err != nil || a.status != status || p.Status != status || p.Code != code || p.Detail == "" || len(p.CorrelationID) != 32 ||
		a.header.Get("Content-Type") != "application/problem+json" {
		w.t.Errorf("got %d %s %v, want the problem %d %s", a.status, a.body, err, status, code)
	}
	return p
}

// decode reads an answer of this status.
func decode[T any](w *world, a answer, status int) (v T) {
	w.t.Helper()
	if a.status != status {
		w.t.Fatalf("got %d %s, want %d", a.status, a.body, status)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		w.t.Fatalf("%s: %v", a.body, err)
	}
	return v
}

// newTask is a request that creates a task.
func newTask(id string) contract.CreateTaskRequest {
	return contract.CreateTaskRequest{TaskID: id, Host: "localhost", Port: 8080, Username: "u", Password: "secret", FilesPaths: []string{"client.py"}}
}
