package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
)

func embedded(t *testing.T) config.Broker { t.Helper(); return embeddedOver(t, nil) }

func embeddedOver(t *testing.T, own *tls.Config) config.Broker {
	t.Helper()
	s, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0", TLS: own})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-s.Started()
	return config.Broker{Host: "127.0.0.1", Port: s.Addr().(*net.TCPAddr).Port, User: "guest", Password: "guest", VHost: "/", TLS: own != nil}
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// listener answers connections by fn.
func listener(t *testing.T, fn func(net.Conn)) config.Broker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fn(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return config.Broker{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "guest", Password: "guest", VHost: "/"}
}

func TestAskBroker(t *testing.T) {
	good := embedded(t)
	if product, err := askBroker(bounded(t), good, nil); err != nil || product != embeddedProduct {
		t.Errorf("got %q, %v", product, err)
	}
	wrong := good
	wrong.Password = "wrong"
	if _, err := askBroker(bounded(t), wrong, nil); !errors.Is(err, ErrCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
	nobody := config.Broker{Host: "127.0.0.1", Port: testenv.Port(t), VHost: "/"}
	if _, err := askBroker(bounded(t), nobody, nil); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody: %v", err)
	}
	web := listener(t, func(c net.Conn) {
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
	})
	if _, err := askBroker(bounded(t), web, nil); !errors.Is(err, ErrNotAMQP) {
		t.Errorf("a web server: %v", err)
	}
	other := listener(t, func(c net.Conn) { _, _ = c.Write([]byte("AMQP\x00\x01\x00\x00")) })
	if _, err := askBroker(bounded(t), other, nil); !errors.Is(err, ErrNotAMQP) {
		t.Errorf("another version: %v", err)
	}
	shut := listener(t, func(net.Conn) {})
	if _, err := askBroker(bounded(t), shut, nil); !errors.Is(err, ErrNotAMQP) {
		t.Errorf("one that hangs up: %v", err)
	}
	release := make(chan struct{})
	silent := listener(t, func(net.Conn) { <-release })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := askBroker(ctx, silent, nil); !errors.Is(err, ErrNotAMQP) || time.Since(began) > 3*time.Second {
		t.Errorf("one that keeps silent: %v after %s", err, time.Since(began))
	}
	close(release)
}

func TestAskOverTLS(t *testing.T) {
	f := pki.Folder(t.TempDir())
	if err := f.Init(nil, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	silent := slog.New(slog.DiscardHandler)
	own, err := pki.ServerConfig(config.TLS{Cert: f.Cert("server"), Key: f.Key("server")}, silent)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := pki.ClientConfig(config.TLS{CA: f.Cert("ca")}, silent)
	if err != nil {
		t.Fatal(err)
	}
	p := System(trust)
	b := embeddedOver(t, own)
	if product, err := p.Broker(bounded(t), b); err != nil || product != embeddedProduct {
		t.Errorf("got %q, %v", product, err)
	}
	if _, err := p.Queues(bounded(t), b, config.BrokerMode{}, []string{contract.EventsQueue}); err != nil {
		t.Error(err)
	}
	if _, err := System(nil).Broker(bounded(t), b); !strings.Contains(pki.Advice(err), "ca.pem") {
		t.Errorf("an authority that is not trusted: %v", err)
	}
	b.TLS = false
	if _, err := p.Broker(bounded(t), b); !errors.Is(err, ErrNotAMQP) {
		t.Errorf("in the clear: %v", err)
	}
	b = embedded(t)
	b.TLS = true
	if _, err := p.Broker(bounded(t), b); !strings.Contains(pki.Advice(err), "does not speak TLS") {
		t.Errorf("a broker in the clear: %v", err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	srv.Listener = tls.NewListener(srv.Listener, own)
	srv.Start()
	defer srv.Close()
	if a, err := p.HTTP(bounded(t), http.MethodGet, strings.Replace(srv.URL, "http://", "https://", 1)); err != nil || a.Status != http.StatusTeapot {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestClassify(t *testing.T) {
	for _, tc := range []struct{ err, want error }{
		{amqp.ErrVhost, ErrVHost},
		{amqp.ErrCredentials, ErrCredentials},
		{&amqp.Error{Code: 403, Reason: "ACCESS_REFUSED - Login was refused"}, ErrCredentials},
		{&amqp.Error{Code: 530, Reason: "NOT_ALLOWED - vhost fl not found"}, ErrVHost},
		{&amqp.Error{Code: 501}, ErrNotAMQP},
		{amqp.ErrClosed, ErrNotAMQP},
	} {
		if got := classify(tc.err); !errors.Is(got, tc.want) {
			t.Errorf("%v: got %v, want %v", tc.err, got, tc.want)
		}
	}
	full := &amqp.Error{Code: amqp.ResourceError, Reason: "too many connections"}
	if got := classify(full); got != error(full) {
		t.Errorf("another refusal became %v", got)
	}
}

// askQueues must find no fault in what our own services declare, find what
// Python peers declare, and make nothing.
func checkQueues(t *testing.T, b config.Broker) {
	names := []string{contract.GetUser.Name, contract.RequestTasks.Name, contract.EventsQueue, "rpc_exec_nobody"}
	tr, err := amqpx.New(amqpx.Options{Host: b.Host, Port: b.Port, VHost: b.VHost})
	if err != nil {
		t.Fatal(err)
	}
	err = tr.With(bounded(t), func(ctx context.Context) error {
		return tr.Publish(ctx, contract.EventsQueue, []byte(`{}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialBroker(bounded(t), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare(contract.GetUser.Name, false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare(contract.RequestTasks.Name, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for compat, want := range map[bool][]string{
		false: {contract.GetUser.Name},
		true:  {contract.RequestTasks.Name, contract.EventsQueue},
	} {
		got, err := askQueues(bounded(t), b, nil, config.BrokerMode{Compat: compat}, names)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("compat=%t: got %v, %v, want %v", compat, got, err, want)
		}
	}
	_, err = ch.QueueDeclarePassive("rpc_exec_nobody", false, false, false, false, nil)
	if refusal, ok := errors.AsType[*amqp.Error](err); !ok || refusal.Code != amqp.NotFound {
		t.Errorf("looking made a queue: %v", err)
	}
}

func TestAskQueuesOfTheEmbeddedBroker(t *testing.T) { checkQueues(t, embedded(t)) }

func TestRabbitMQ(t *testing.T) {
	n := testenv.RabbitMQ(t)
	b := config.Broker{Host: n.Host, Port: n.Port, User: "guest", Password: "guest", VHost: n.VHost}
	if product, err := askBroker(bounded(t), b, nil); err != nil || !strings.HasPrefix(product, "RabbitMQ ") {
		t.Errorf("got %q, %v", product, err)
	}
	wrong := b
	wrong.Password = "wrong"
	if _, err := askBroker(bounded(t), wrong, nil); !errors.Is(err, ErrCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
	wrong = b
	wrong.VHost = "none"
	if _, err := askBroker(bounded(t), wrong, nil); !errors.Is(err, ErrVHost) {
		t.Errorf("no virtual host: %v", err)
	}
	checkQueues(t, b)
}

func TestRequest(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", r.Method)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(strings.Repeat("x", 10_000)))
	}))
	defer srv.Close()
	a, err := request(bounded(t), nil, http.MethodOptions, srv.URL)
	if err != nil || a.Status != http.StatusTeapot || a.Header.Get("Allow") != "OPTIONS" || len(a.Body) != 4<<10 {
		t.Errorf("got %d, %v, %d bytes, %v", a.Status, a.Header, len(a.Body), err)
	}
}

func TestRunProgram(t *testing.T) {
	if out, err := runProgram(bounded(t), "sh", "-c", "echo yes"); out != "yes\n" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := runProgram(bounded(t), "no-such-program-of-agata"); !errors.Is(err, exec.ErrNotFound) || !missing(err) {
		t.Errorf("a name: %v", err)
	}
	if _, err := runProgram(bounded(t), "/no/such/program"); !missing(err) {
		t.Errorf("a path: %v", err)
	}
	if _, err := runProgram(bounded(t), "sh", "-c", "echo first >&2; echo why >&2; exit 3"); err == nil || err.Error() != "exit status 3: why" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	// A grandchild that keeps the pipe open does not hold the check.
	_, err := runProgram(ctx, "sh", "-c", "sleep 2 & wait")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 1500*time.Millisecond {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	if err := tryWrite(dir); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if err := tryWrite(filepath.Join(dir, "none")); err == nil {
		t.Error("wrote into nothing")
	}
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]bool{dir: {true, true}, file: {true, false}, filepath.Join(dir, "none"): {false, false}} {
		if there, folder, err := exists(path); err != nil || there != want[0] || folder != want[1] {
			t.Errorf("%s: %t, %t, %v", path, there, folder, err)
		}
	}
	if n, err := free(dir); err != nil || n == 0 {
		t.Errorf("free: %d, %v", n, err)
	}
	if n, err := maxOpenFiles(); err != nil || n == 0 {
		t.Errorf("open files: %d, %v", n, err)
	}
}

func TestTryListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := tryListen(bounded(t), l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a taken port: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tryListen(bounded(t), l.Addr().String()); err != nil {
		t.Errorf("a free port: %v", err)
	}
}

func TestReachable(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:1": "127.0.0.1:1", "0.0.0.0:1": "127.0.0.1:1", ":1": "127.0.0.1:1", "[::]:1": "[::1]:1", "host:1": "host:1",
	} {
		if got := reachable(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
