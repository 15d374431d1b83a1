package cloudgateway

import (
	"context"
	"net"
	"strconv"
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

// broker starts an embedded broker of the test's own; port 0 picks one.
func broker(t testing.TB, port int) (o amqpx.Options, stop func()) {
	t.Helper()
	b, err := amqpd.New(amqpd.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))})
	if err != nil {
		t.Fatal(err)
	}
	stop = run(t, "broker", b.Run)
	addr, ok := b.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("the broker listens on %s", b.Addr())
	}
	return amqpx.Options{Host: "127.0.0.1", Port: addr.Port}, stop
}

func embedded(t testing.TB) amqpx.Options {
	t.Helper()
	o, _ := broker(t, 0)
	return o
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

// serve runs a cloud gateway until stop is called; opt needs no address, no
// transport and no schemas.
func serve(t testing.TB, tr *amqpx.Transport, opt Options) (url string, stop func()) {
	t.Helper()
	s := create(t, tr, opt)
	stop = run(t, "cloud gateway", s.Run)
	wait(t, "the start of the cloud gateway", s.Started())
	return "http://" + s.Addr(), stop
}

func create(t testing.TB, tr *amqpx.Transport, opt Options) *Service {
	t.Helper()
	opt.Addr, opt.Transport, opt.Base.Schemas = "127.0.0.1:0", tr, schemas(t)
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemas(t testing.TB) *contract.Schemas {
	t.Helper()
	sch, err := contract.CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

// peer serves the functions that add registers, as another service would, until
// stop is called.
func peer(t testing.TB, tr *amqpx.Transport, name string, add func(*baseservice.Service)) (stop func()) {
	t.Helper()
	s, err := baseservice.New(baseservice.Options{Name: name, Transport: tr, Schemas: schemas(t), SoftDrain: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	add(s)
	stop = run(t, name, s.Run)
	wait(t, "the start of "+name, s.Started())
	return stop
}
