package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/access/accesstest"
	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// patience is how long a test waits for what must come: longer than it ever
// takes on a busy machine.
const patience = 30 * time.Second

// Secrets that must not come to light.
const (
	brokerPassword = "broker-password-7f3a"
	taskPassword   = "task-password-91bc"
)

// keyText is the cloud's key, as it is in its file.
var keyText = strings.Repeat("5eC7", 16)

// world is a closed cloud in one process, and what is around it.
type world struct {
	testing.TB
	dir     string // of all that the test may touch; the cloud's data is in its folder "cloud"
	data    string
	gateway string // host:port
	files   string // host:port
	key     rpc.Key
	tokens  map[string]string // by who: viewer, operator, admin, c1, c2
	log     logBuffer
	broker  string // host:port
	vhost   string
	user    string
	pass    string
}

// newWorld starts a closed cloud over an embedded broker; set adds settings, as
// pairs of key and value.
func newWorld(t testing.TB, set ...string) *world {
	t.Helper()
	return newWorldOn(t, embedded(t), set...)
}

// embedded is a world to be, over an embedded broker.
func embedded(t testing.TB) *world {
	t.Helper()
	server, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0", Users: map[string]string{"agata": brokerPassword}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, "the broker", server.Run)
	return &world{dir: t.TempDir(), broker: server.Addr().String(), vhost: "/", user: "agata", pass: brokerPassword}
}

func newWorldOn(t testing.TB, w *world, set ...string) *world {
	t.Helper()
	w.TB = t
	w.data = filepath.Join(w.dir, "cloud")
	if err := os.MkdirAll(w.data, 0o700); err != nil {
		t.Fatal(err)
	}
	w.write("cloud/cloud.key", keyText)
	var err error
	if w.key, err = rpc.LoadKey(filepath.Join(w.data, "cloud.key")); err != nil {
		t.Fatal(err)
	}
	w.tokens = accesstest.Write(t, w.data)
	w.tokens["nobody"] = ""
	host, port, err := net.SplitHostPort(w.broker)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"broker.mode": "external", "server.broker.host": host, "server.broker.port": port, "server.broker.vhost": w.vhost,
		"server.broker.user": w.user, "server.broker.password": w.pass,
		"server.gateway.host": "127.0.0.1", "server.gateway.port": "0", "server.files.host": "127.0.0.1", "server.files.port": "0",
		"auth.mode": "on", "tasks.grace": "1", "rpc.timeout": "5",
	}
	for i := 0; i < len(set); i += 2 {
		settings[set[i]] = set[i+1]
	}
	cfg, err := config.Load(config.LoadOptions{Data: w.data, Hostname: "attacked", Overrides: maps.Clone(settings)})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.New(app.Options{Config: cfg, Logger: log, Services: []string{app.UserManager, app.CloudTaskManager, app.CloudGateway}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, "the cloud", a.Run)
	select {
	case <-a.Started():
	case <-time.After(patience):
		t.Fatalf("the cloud does not start: %s", w.log.text())
	}
	w.gateway, w.files = strings.TrimPrefix(a.Info().GatewayURL, "http://"), strings.TrimPrefix(a.Info().FilesURL, "http://")
	t.Cleanup(func() {
		if text := w.log.text(); t.Failed() {
			t.Log("the cloud's log ends with:\n", text[max(0, len(text)-4000):])
		}
	})
	return w
}

// run runs something until the test ends.
func run(t testing.TB, what string, fn func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	})
}

// answer is what came back of a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// String shows the beginning of an answer.
func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// ask sends a request to the gateway, as somebody.
func (w *world) ask(who, method, path, body string, header ...string) answer {
	w.Helper()
	if token := w.tokens[who]; token != "" {
		header = append([]string{"Authorization", "Bearer " + token}, header...)
	}
	return w.send("http://"+w.gateway, method, path, strings.NewReader(body), header...)
}

// send sends a request whose path goes over the wire as it is written.
func (w *world) send(base, method, path string, body io.Reader, header ...string) answer {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, base, body)
	if err != nil {
		w.Fatal(err)
	}
	req.URL.Opaque = "//" + req.URL.Host + path
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		w.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// must asks, and fails the test unless the status is the wanted one.
func (w *world) must(status int, who, method, path, body string, header ...string) answer {
	w.Helper()
	a := w.ask(who, method, path, body, header...)
	if a.status != status {
		w.Fatalf("%s: %s %s: got %v, want %d", who, method, path, a, status)
	}
	return a
}

// task registers a task that has the files, by name and content.
func (w *world) task(id string, files ...string) {
	w.Helper()
	body, err := json.Marshal(contract.CreateTaskRequest{TaskID: id, Host: "127.0.0.1", Port: 8080, Username: "user", Password: taskPassword, FilesPaths: []string{"client.py"}})
	if err != nil {
		w.Fatal(err)
	}
	w.must(200, "operator", "POST", "/rpc_exec_create_task", string(body))
	for i := 0; i < len(files); i += 2 {
		w.must(201, "operator", "PUT", "/api/v1/tasks/"+id+"/files/"+files[i], files[i+1])
	}
}

// state is a task's, as an admin sees it; "" for none.
func (w *world) state(id string) string {
	w.Helper()
	a := w.ask("admin", "GET", "/api/v1/tasks/"+id, "")
	var t struct {
		State string `json:"state"`
	}
	if a.status == 200 {
		if err := json.Unmarshal([]byte(a.body), &t); err != nil {
			w.Fatal(err)
		}
	}
	return t.State
}

// write writes a file below the world's folder.
func (w *world) write(name, content string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.Fatal(err)
	}
}

// tree lists the names below the world's folder, without those that a service
// makes by itself as it runs.
func (w *world) tree() map[string]bool {
	w.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(w.dir, func(path string, _ fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		name, _ := filepath.Rel(w.dir, path)
		for _, own := range []string{"cloud/outbox", "cloud/audit", "cloud/python", ".db", ".staging", ".partial"} {
			if strings.Contains(name, own) {
				return nil
			}
		}
		found[name] = true
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// unchanged fails the test if names came or went since before.
func (w *world) unchanged(before map[string]bool) {
	w.Helper()
	after := w.tree()
	for name := range after {
		if !before[name] {
			w.Errorf("%s was made", name)
		}
	}
	for name := range before {
		if !after[name] {
			w.Errorf("%s is gone", name)
		}
	}
}

// stranger is somebody at the cloud's broker with its account.
func (w *world) stranger() *amqpx.Transport {
	w.Helper()
	host, port, err := net.SplitHostPort(w.broker)
	if err != nil {
		w.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		w.Fatal(err)
	}
	tr, err := amqpx.New(amqpx.Options{Host: host, Port: number, VHost: w.vhost, User: w.user, Password: w.pass, Name: "stranger", CallTimeout: 5 * time.Second})
	if err != nil {
		w.Fatal(err)
	}
	run(w, "a stranger's transport", tr.Run)
	return tr
}

func (w *world) eventually(what string, ok func() bool) {
	w.Helper()
	testenv.Eventually(w, patience, what, ok)
}

// logBuffer keeps what the cloud logs.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// decode reads an answer's JSON.
func decode(t testing.TB, a answer, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v: %v", a, err)
	}
}

// quoted is a text as JSON.
func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
