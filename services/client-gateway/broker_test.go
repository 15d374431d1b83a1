package clientgateway

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs fn beside the test and stops it when the test, or the caller, is done.
func run(t testing.TB, what string, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := fn(ctx); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func wait(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
	}
}

// embedded starts a broker of the test's own.
func embedded(t testing.TB) amqpx.Options {
	t.Helper()
	b, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	run(t, "broker", b.Run)
	addr, ok := b.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("the broker listens on %s", b.Addr())
	}
	return amqpx.Options{Host: "127.0.0.1", Port: addr.Port}
}

// onBrokers runs a test over each broker that the wire must hold on.
func onBrokers(t *testing.T, test func(*testing.T, amqpx.Options)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t)) })
	t.Run("RabbitMQ", func(t *testing.T) {
		n := testenv.RabbitMQ(t)
		test(t, amqpx.Options{Host: n.Host, Port: n.Port, VHost: n.VHost})
	})
}

func connect(t testing.TB, o amqpx.Options) *amqpx.Transport {
	t.Helper()
	o.Name = t.Name()
	tr, err := amqpx.New(o)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "transport", tr.Run)
	return tr
}

// serve runs a client gateway that forwards to url until stop is called.
func serve(t testing.TB, url string, tr *amqpx.Transport, events bool) (stop func()) {
	t.Helper()
	schemas, err := contract.CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{URL: url, Base: baseservice.Options{Transport: tr, Schemas: schemas, Events: events}})
	if err != nil {
		t.Fatal(err)
	}
	stop = run(t, "client gateway", s.Run)
	wait(t, "the start of the client gateway", s.Started())
	return stop
}
