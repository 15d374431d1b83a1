package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/pkg/amqpx"
)

// probeTime is how long mode auto waits for an external broker.
const probeTime = 300 * time.Millisecond

func (a *App) needsCloud() bool {
	return a.opt.Brokers || a.has(UserManager) || a.has(CloudTaskManager) || a.has(CloudGateway)
}

func (a *App) needsClient() bool {
	return a.opt.Brokers || a.has(ClientGateway) || a.has(ClientTaskManager)
}

// startBrokers starts the embedded brokers that the configuration asks for.
func (a *App) startBrokers(ctx context.Context) error {
	if a.needsCloud() {
		if err := a.startBroker(ctx, "cloud", &a.cfg.ServerBroker); err != nil {
			return err
		}
		a.info.CloudBroker = strings.Join(a.cfg.ServerBroker.Addrs(), ",")
	}
	if a.needsClient() {
		if err := a.startBroker(ctx, "client", &a.cfg.ClientBroker); err != nil {
			return err
		}
	}
	return nil
}

// startBroker decides between an external and an embedded broker at an
// address, and writes a port that was left to chance back.
func (a *App) startBroker(ctx context.Context, side string, b *config.Broker) error {
	mode := a.cfg.Broker.Mode
	if a.opt.Brokers {
		mode = config.ModeEmbedded
	} else if mode == config.ModeAuto && a.opt.NeverEmbed {
		mode = config.ModeExternal
	}
	if mode == config.ModeAuto && len(b.Hosts) > 0 {
		mode = config.ModeExternal // a cluster is never this process
	}
	if mode == config.ModeAuto && b.Port != 0 && answers(ctx, b.Addr()) {
		mode = config.ModeExternal
	}
	if mode == config.ModeExternal {
		a.log.Info("external broker", "side", side, "addr", strings.Join(b.Addrs(), ","))
		return nil
	}
	if err := a.exposeBroker(ctx, side, *b); err != nil {
		return err
	}
	secure, err := a.embeddedTLS(side, *b)
	if err != nil {
		return err
	}
	server, err := amqpd.New(amqpd.Options{
		Addr: b.Addr(), TLS: secure, Logger: a.log.With("broker", side), Users: map[string]string{b.User: b.Password.Reveal()},
	})
	if err != nil {
		return fmt.Errorf("start the embedded %s broker: %w", side, portHint(err, side+" broker", b.Port))
	}
	b.Port = server.Addr().(*net.TCPAddr).Port
	a.log.Info("embedded broker: one machine, memory only", "side", side, "addr", b.Addr())
	return a.group.start(ctx, module{name: side + " broker", run: server.Run, started: server.Started()})
}

// answers tells whether something listens at an address; only a refused
// connection means that nothing does.
func answers(ctx context.Context, addr string) bool {
	d := net.Dialer{Timeout: probeTime}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return !errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = conn.Close()
	return true
}

// portHint says what to do about a port in use.
func portHint(err error, what string, port int) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; another program uses port %d: stop it, or give the %s another port in config.ini", err, port, what)
	}
	return err
}

// connect starts a transport of a service to a broker.
func (a *App) connect(ctx context.Context, name string, b config.Broker, reg prometheus.Registerer) (*amqpx.Transport, error) {
	t, err := amqpx.New(amqpx.Options{
		Nodes: b.Addrs(), User: b.User, Password: b.Password.Reveal(), VHost: b.VHost, TLS: a.brokerTLS(b),
		Name: "agata/" + name, Compat: a.cfg.Broker.Compat, Quorum: a.cfg.Broker.Queues == config.Quorum, CallTimeout: a.cfg.RPC.Timeout,
		Logger: a.log.With("service", name), Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, reg),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	up := make(chan struct{})
	close(up) // services wait for the broker by themselves
	return t, a.group.start(ctx, module{name: name + "'s connection", run: t.Run, started: up})
}
