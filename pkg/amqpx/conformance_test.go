package amqpx_test

import (
	"context"
	"testing"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/pkg/rpc/rpctest"
)

// embedded runs an embedded broker until the test ends.
func embedded(t *testing.T, faults *amqpd.Faults) *amqpd.Server {
	t.Helper()
	s, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0", Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("broker: %v", err)
		}
	})
	<-s.Started()
	return s
}

func TestConformanceEmbedded(t *testing.T) {
	for name, compat := range map[string]bool{"durable": false, "compat": true} {
		t.Run(name, func(t *testing.T) {
			s := embedded(t, nil)
			rpctest.Run(t, rpctest.Broker{
				Connect: func(t *testing.T) rpc.Transport { return connect(t, s.URL(), compat) },
				Drop:    func(*testing.T) { s.CloseConnections() },
			})
		})
	}
}

// TestConformanceCluster runs over quorum queues, and with compat over those that
// peers in Python declare; each transport takes a node at random.
func TestConformanceCluster(t *testing.T) {
	for name, compat := range map[string]bool{"quorum": false, "compat": true} {
		t.Run(name, func(t *testing.T) {
			n, addrs := testenv.RabbitMQCluster(t)
			rpctest.Run(t, rpctest.Broker{
				Connect: func(t *testing.T) rpc.Transport {
					return running(t, amqpx.Options{Nodes: addrs, VHost: n.VHost, Compat: compat, Quorum: true})
				},
				Drop: func(t *testing.T) { n.CloseConnections(t) },
			})
		})
	}
}

func TestConformanceRabbitMQ(t *testing.T) {
	for name, compat := range map[string]bool{"durable": false, "compat": true} {
		t.Run(name, func(t *testing.T) {
			n := testenv.RabbitMQ(t)
			rpctest.Run(t, rpctest.Broker{
				Connect: func(t *testing.T) rpc.Transport { return connect(t, n.URL, compat) },
				Drop:    func(t *testing.T) { n.CloseConnections(t) },
			})
		})
	}
}
