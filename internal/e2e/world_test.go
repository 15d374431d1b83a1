package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
)

// patience is how long a test waits for what must come: longer than it ever
// takes on a busy machine.
const patience = 20 * time.Second

// broker is where one side's services meet.
type broker struct {
	host, vhost string
	port        int
	compat      bool
	tls, trust  *tls.Config // its own and its peers', or nil for AMQP in the clear

	// Of an embedded one.
	server *amqpd.Server
	faults *amqpd.Faults
	stop   func()
}

// embed starts a broker; port 0 picks a free one.
func embed(t testing.TB, port int) *broker {
	t.Helper()
	return embedOver(t, port, nil, nil)
}

// embedOver starts a broker that speaks TLS by own, to peers that trust it.
func embedOver(t testing.TB, port int, own, trust *tls.Config) *broker {
	t.Helper()
	b := &broker{tls: own, trust: trust}
	b.serve(t, port)
	t.Cleanup(func() { b.stop() }) // after all that uses it, also when it has been restarted
	return b
}

func (b *broker) serve(t testing.TB, port int) {
	t.Helper()
	b.host, b.vhost, b.faults = "127.0.0.1", "/", &amqpd.Faults{}
	var err error
	b.server, err = amqpd.New(amqpd.Options{Addr: net.JoinHostPort(b.host, strconv.Itoa(port)), TLS: b.tls, Faults: b.faults})
	if err != nil {
		t.Fatal(err)
	}
	b.port = b.server.Addr().(*net.TCPAddr).Port
	b.stop = begin(t, "a broker", b.server.Run)
}

// rabbit is a virtual host of a node.
func rabbit(n *testenv.Node) *broker { return &broker{host: n.Host, port: n.Port, vhost: n.VHost} }

// world is a cloud and a client, whose services come and go on the same data.
type world struct {
	testing.TB
	dir           string
	cloud, client *broker
	set           map[string]string // settings of every service
	log           logBuffer
	operator      *amqpx.Transport // at the cloud's broker
	device        *amqpx.Transport // at the client's
}

// newWorld has embedded brokers and no service yet.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, embed(t, 0), embed(t, 0))
}

func newWorldOn(t testing.TB, cloud, client *broker) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), cloud: cloud, client: client, set: map[string]string{
		"broker.mode": "external", "server.gateway.port": "0", "server.files.port": "0", "tasks.python": python(t), "tasks.grace": "2", "rpc.timeout": "3",
		"client.params.request_interval": "0.3", "client.info.user_id": "ada", "client.info.data_qnt": "60",
	}}
	for side, b := range map[string]*broker{"server.broker": cloud, "client.broker": client} {
		w.set[side+".host"], w.set[side+".port"], w.set[side+".vhost"] = b.host, strconv.Itoa(b.port), b.vhost
		w.set[side+".tls"] = strconv.FormatBool(b.tls != nil)
		w.set["broker.compat"] = strconv.FormatBool(b.compat)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("the services' log:\n", w.log.tail(60))
		}
	})
	w.operator, w.device = w.connect(cloud), w.connect(client)
	return w
}

func (w *world) connect(b *broker) *amqpx.Transport {
	w.Helper()
	tr, err := amqpx.New(amqpx.Options{Host: b.host, Port: b.port, VHost: b.vhost, TLS: b.trust, Compat: b.compat, Name: "e2e"})
	if err != nil {
		w.Fatal(err)
	}
	run(w, "a transport", tr.Run)
	return tr
}

// service is one process' worth of services.
type service struct {
	names []string
	stop  func()
}

// keepTasks, among the names of services, leaves tasks running at the stop.
const keepTasks = "keep-tasks"

// serve starts services, of one side, and waits until they are up. Ports that
// they picked are theirs also the next time.
func (w *world) serve(names ...string) *service {
	w.Helper()
	keep := slices.Contains(names, keepTasks)
	names = slices.DeleteFunc(names, func(s string) bool { return s == keepTasks })
	side := "cloud"
	if slices.Contains(names, app.ClientGateway) || slices.Contains(names, app.ClientTaskManager) {
		side = "client"
	}
	cfg, err := config.Load(config.LoadOptions{Data: filepath.Join(w.dir, side), Overrides: maps.Clone(w.set)})
	if err != nil {
		w.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Logger: slog.New(slog.NewTextHandler(&w.log, nil)), Services: names, KeepTasks: keep})
	if err != nil {
		w.Fatal(err)
	}
	s := &service{names: names, stop: run(w, fmt.Sprint(names), a.Run)}
	select {
	case <-a.Started():
	case <-time.After(patience):
		w.Fatalf("%v did not start", names)
	}
	if slices.Contains(names, app.CloudGateway) {
		w.set["server.gateway.port"], w.set["server.gateway.url"] = strconv.Itoa(cfg.Gateway.Port), a.Info().GatewayURL
	}
	if slices.Contains(names, app.CloudTaskManager) {
		w.set["server.files.port"], w.set["server.files.url"] = strconv.Itoa(cfg.Files.Port), a.Info().FilesURL
	}
	return s
}

// serveCloud starts the cloud's services, and serveClient the client's.
func (w *world) serveCloud() *service {
	w.Helper()
	return w.serve(app.UserManager, app.CloudTaskManager, app.CloudGateway)
}

func (w *world) serveClient() *service {
	w.Helper()
	return w.serve(app.ClientGateway, app.ClientTaskManager)
}

// restart stops a broker for as long as away runs, and starts a new one, which
// knows nothing, at its port.
func (w *world) restart(b *broker, away func()) {
	w.Helper()
	b.stop()
	away()
	b.serve(w, b.port)
}

// run runs something until the test ends, or until stop is called.
func run(t testing.TB, what string, fn func(context.Context) error) (stop func()) {
	t.Helper()
	stop = begin(t, what, fn)
	t.Cleanup(stop)
	return stop
}

// begin runs something until stop is called.
func begin(t testing.TB, what string, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	})
	return stop
}

// eventually waits with patience.
func (w *world) eventually(what string, ok func() bool) {
	w.Helper()
	testenv.Eventually(w, patience, what, ok)
}

// logBuffer keeps what services log.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.SplitAfter(b.text.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
