package clienttaskmanager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// bench is a client's broker with a cloud behind it that the test plays: what
// it offers, what it was told, and a real file server.
type bench struct {
	t         *testing.T
	broker    amqpx.Options
	schemas   *contract.Schemas
	transport *amqpx.Transport
	events    *timeline.Collector
	files     *httptest.Server
	work      string // of the cloud's files
	dir       string // of the client

	mu      sync.Mutex
	offered []contract.OfferedTask
	away    bool
	silent  bool // the cloud answers no request for tasks
	told    []contract.UpdateUserRequest
	forgot  int // how many of these it has forgotten
	polls   int
	records []contract.Record // as they came
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, work: t.TempDir(), dir: t.TempDir(), events: timeline.NewCollector(nil)}
	b.broker, b.schemas = brokertest.Embedded(t), brokertest.Schemas(t)
	b.transport = brokertest.Connect(t, b.broker)
	brokertest.Run(t, "events", func(ctx context.Context) error { return b.events.Run(ctx, b.transport) })
	b.playCloud()
	b.serveFiles()
	brokertest.Run(t, "records", func(ctx context.Context) error {
		return b.transport.SubscribeBatch(ctx, contract.RecordsQueue, b.take)
	})
	return b
}

// playCloud answers as the client gateway does.
func (b *bench) playCloud() {
	s, err := baseservice.New(baseservice.Options{Name: "cloud", Transport: brokertest.Connect(b.t, b.broker), Schemas: b.schemas})
	if err != nil {
		b.t.Fatal(err)
	}
	baseservice.Handle(s, contract.UpdateUser, func(_ context.Context, req contract.UpdateUserRequest) (contract.None, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.away {
			return contract.None{}, rpc.Text(rpc.Unavailable, contract.CloudInvalid)
		}
		b.told = append(b.told, req)
		return contract.None{}, nil
	})
	baseservice.Handle(s, contract.RequestTasks, func(ctx context.Context, req contract.UserIDRequest) ([]contract.OfferedTask, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.polls++
		if b.silent {
			b.mu.Unlock()
			<-ctx.Done()
			b.mu.Lock()
			return nil, ctx.Err()
		}
		switch {
		case b.away:
			return nil, rpc.Text(rpc.Unavailable, contract.CloudInvalid)
		case len(b.told) == b.forgot: // as one does whose database is new
			return nil, rpc.Text(rpc.Internal, contract.UserNotRetrieved(req.UserID))
		}
		return slices.Clone(b.offered), nil
	})
	brokertest.Run(b.t, "cloud", s.Run)
	<-s.Started()
}

func (b *bench) serveFiles() {
	store, err := artifact.NewStore(b.work, artifact.Limits{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = store.Close() })
	h, err := artifact.NewHandler(artifact.HandlerOptions{Store: store,
		Credentials: func(_ context.Context, id string) (string, string, bool, error) {
			return "u", "p", id != "unknown", nil
		}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.files = httptest.NewServer(h)
	b.t.Cleanup(b.files.Close)
}

// preamble is Python that reports without a library.
const preamble = `import json, os, sys, time, signal
def say(**line):
    print(json.dumps(line), flush=True)
def event(text):
    say(type="event", time=time.time(), service="task_client", function="main", event=text)
say(type="info", info="Started")
event("Started client")
`

// task puts a client.py on the file server and returns the offer of it.
func (b *bench) task(id, body string) contract.OfferedTask {
	b.t.Helper()
	dir := filepath.Join(b.work, "tasks", "task_"+id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "client.py"), []byte(preamble+body), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return contract.OfferedTask{ID: id, Host: "127.0.0.1", Port: 1, Username: "u", Password: "p", FilesPaths: []string{"client.py"}}
}

func (b *bench) offer(tasks ...contract.OfferedTask) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.offered = tasks
}

func (b *bench) setSilent(silent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = silent
}

func (b *bench) setAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

// start starts a manager; adjust may change its options.
func (b *bench) start(adjust func(*clienttaskmanager.Options)) (stop func()) {
	b.t.Helper()
	opt := clienttaskmanager.Options{
		Base:   baseservice.Options{Transport: brokertest.Connect(b.t, b.broker), Schemas: b.schemas, Events: true, Records: true, Client: "ada", Logger: slog.New(slog.NewTextHandler(testWriter{b.t}, nil))},
		UserID: "ada", Info: map[string]any{"data_qnt": 7, "sensors": []string{"camera"}, "gpu": true},
		Work: filepath.Join(b.dir, "work"), Data: filepath.Join(b.dir, "data"), ConfigDir: b.dir, Python: "python3",
		FilesURL: b.files.URL, Interval: 300 * time.Millisecond, Policy: clienttaskmanager.PolicyOne, MaxTasks: 2,
		Grace: time.Second, QuarantineFor: time.Hour, RestartAttempts: 2,
	}
	if adjust != nil {
		adjust(&opt)
	}
	s, err := clienttaskmanager.New(opt)
	if err != nil {
		b.t.Fatal(err)
	}
	stop = brokertest.Run(b.t, "client task manager", s.Run)
	select {
	case <-s.Started():
	case <-time.After(patience):
		b.t.Fatal("the manager did not start")
	}
	return stop
}

// testWriter logs while the test runs.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Logf("%s", p)
	}
	return len(p), nil
}

// await waits for the nth event with a text and returns its time.
func (b *bench) await(n int, text string) float64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	e, err := b.events.Wait(ctx, n, timeline.Text(text))
	if err != nil {
		list, _ := json.Marshal(b.events.Events())
		b.t.Fatalf("%q did not come %d times: %v\n%s", text, n, err, list)
	}
	return e.Time
}

func (b *bench) count(text string) int {
	n := 0
	for _, e := range b.events.Events() {
		if e.Event == text {
			n++
		}
	}
	return n
}

func (b *bench) status() contract.ClientState {
	b.t.Helper()
	st, err := rpc.Call(b.t.Context(), b.transport, contract.ClientStatus, contract.None{})
	if err != nil {
		b.t.Fatal(err)
	}
	return st
}

// running waits until exactly these tasks run and returns the first's pid.
func (b *bench) running(ids ...string) int {
	b.t.Helper()
	var st contract.ClientState
	testenv.Eventually(b.t, patience, fmt.Sprintf("%v run", ids), func() bool {
		st = b.status()
		got := make([]string, 0, len(st.Running))
		for _, e := range st.Running {
			got = append(got, e.TaskID)
		}
		return slices.Equal(got, ids)
	})
	if len(ids) == 0 {
		return 0
	}
	return st.Running[0].PID
}

// quarantined waits until a task is in quarantine and returns why.
func (b *bench) quarantined(id string) string {
	b.t.Helper()
	var reason string
	testenv.Eventually(b.t, patience, id+" is in quarantine", func() bool {
		for _, q := range b.status().Quarantined {
			if q.TaskID == id {
				reason = string(q.Reason)
				return true
			}
		}
		return false
	})
	return reason
}

// pollCount is how often the client asked for tasks.
func (b *bench) pollCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.polls
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
