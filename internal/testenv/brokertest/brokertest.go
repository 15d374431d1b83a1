// Package brokertest gives a service's tests its surroundings: a broker, embedded
// or RabbitMQ, transports to it, and parts that end with the test.
package brokertest

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
)

// Run runs fn beside the test and stops it when the test, or the caller, is done.
func Run(t testing.TB, what string, fn func(context.Context) error) (stop func()) {
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
	t.Cleanup(stop)
	return stop
}

// Wait waits for a channel to be closed.
func Wait(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s did not come", what)
	}
}

// Broker starts an embedded broker of the test's own; port 0 picks one.
func Broker(t testing.TB, port int) (o amqpx.Options, stop func()) {
	t.Helper()
	b, err := amqpd.New(amqpd.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))})
	if err != nil {
		t.Fatal(err)
	}
	stop = Run(t, "broker", b.Run)
	return amqpx.Options{Host: "127.0.0.1", Port: b.Addr().(*net.TCPAddr).Port}, stop
}

// Embedded is Broker for tests that leave it running.
func Embedded(t testing.TB) amqpx.Options {
	t.Helper()
	o, _ := Broker(t, 0)
	return o
}

// OnBoth runs a test over each broker that the wire must hold on.
func OnBoth(t *testing.T, test func(*testing.T, amqpx.Options)) {
	t.Run("embedded", func(t *testing.T) { test(t, Embedded(t)) })
	t.Run("RabbitMQ", func(t *testing.T) {
		n := testenv.RabbitMQ(t)
		test(t, amqpx.Options{Host: n.Host, Port: n.Port, VHost: n.VHost})
	})
}

// Connect makes a running transport.
func Connect(t testing.TB, o amqpx.Options) *amqpx.Transport {
	t.Helper()
	o.Name = t.Name()
	tr, err := amqpx.New(o)
	if err != nil {
		t.Fatal(err)
	}
	Run(t, "transport", tr.Run)
	return tr
}

// Schemas are the contract's.
func Schemas(t testing.TB) *contract.Schemas {
	t.Helper()
	s, err := contract.CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
