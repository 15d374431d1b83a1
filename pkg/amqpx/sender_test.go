package amqpx_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/rpc"
)

// TestRefusedCalls: what the broker refuses fails at once, costs other calls nothing,
// and goes through when it is not refused any more.
func TestRefusedCalls(t *testing.T) {
	at := embedded(t, nil).URL()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	tr := running(t, amqpx.Options{Nodes: []string{"127.0.0.1:" + u.Port(), "localhost:" + u.Port()}})
	conn, err := amqp.Dial(at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	full := amqp.Table{"x-max-length": int32(0), "x-overflow": "reject-publish"}
	if _, err := ch.QueueDeclare("f", false, false, false, false, full); err != nil {
		t.Fatal(err)
	}
	answerTo(t, tr, "g")
	call := func(function string) error {
		_, err := tr.Call(t.Context(), rpc.Request{Function: function, Body: []byte("{}")})
		return err
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
				if err := call("f"); rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "refused the call of f") {
					t.Errorf("a refused call ended with %v", err)
					return
				}
				if err := call("g"); err != nil {
					t.Errorf("another call ended with %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if _, err := ch.QueueDelete("f", false, false, false); err != nil {
		t.Fatal(err)
	}
	answerTo(t, tr, "f")
	testenv.Eventually(t, 20*time.Second, "the call goes through", func() bool { return call("f") == nil })
}

// answerTo serves a function until the test ends.
func answerTo(t *testing.T, tr *amqpx.Transport, function string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- tr.Serve(ctx, rpc.ServeOptions{Ready: func() { close(ready) }, Endpoints: []rpc.Endpoint{{Function: function, Concurrency: 8,
			Handle: func(_ context.Context, m *rpc.Message) rpc.Reply { return rpc.Reply{Body: m.Body} }}}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s is not served", function)
	}
}
