package amqpx_test

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect returns a running transport that ends with the test.
func connect(t *testing.T, rawURL string, compat bool) *amqpx.Transport {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	vhost := "/"
	if len(u.Path) > 1 {
		vhost = u.Path[1:]
	}
	return running(t, amqpx.Options{Host: u.Hostname(), Port: port, User: u.User.Username(), Password: password, VHost: vhost, Compat: compat})
}

// running returns a transport that runs until the test ends.
func running(t *testing.T, o amqpx.Options) *amqpx.Transport {
	t.Helper()
	o.Name = t.Name()
	tr, err := amqpx.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return tr
}

func TestNewRefusesBadAddresses(t *testing.T) {
	for _, o := range []amqpx.Options{{}, {Host: "h"}, {Host: "h", Port: 70000}} {
		if _, err := amqpx.New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestCallWithoutABrokerSaysWhichAndWhy(t *testing.T) {
	tr := connect(t, "amqp://guest:guest@127.0.0.1:1/", false)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := tr.Call(ctx, rpc.Request{Function: "f", Body: []byte("{}")})
	if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}
