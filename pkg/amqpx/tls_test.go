package amqpx_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/pkg/rpc/rpctest"
)

// TestConformanceOverTLS: all that holds in the clear holds by mutual TLS.
func TestConformanceOverTLS(t *testing.T) {
	f := pki.Folder(t.TempDir())
	if err := f.Init(nil, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	files := config.TLS{Cert: f.Cert("server"), Key: f.Key("server"), CA: f.Cert("ca"),
		ClientCert: f.Cert("client"), ClientKey: f.Key("client"), RequireClientCert: true}
	own, err := pki.ServerConfig(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := pki.ClientConfig(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0", TLS: own})
	if err != nil {
		t.Fatal(err)
	}
	background(t, s.Run)
	<-s.Started()
	rpctest.Run(t, rpctest.Broker{
		Connect: func(t *testing.T) rpc.Transport {
			tr, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: s.Addr().(*net.TCPAddr).Port, TLS: trust, Name: t.Name()})
			if err != nil {
				t.Fatal(err)
			}
			background(t, tr.Run)
			return tr
		},
		Drop: func(*testing.T) { s.CloseConnections() },
	})
}

// background runs something until the test ends.
func background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
