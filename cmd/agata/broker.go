package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// connectTime is how long a verb waits for a broker; RabbitMQ takes three
// seconds to refuse a password.
const connectTime = 5 * time.Second

// The brokers, as --broker names them.
const (
	cloudSide  = "cloud"
	clientSide = "client"
)

func brokerFlag(cmd *cobra.Command, side *string) {
	cmd.Flags().StringVar(side, "broker", cloudSide, "which broker: cloud or client")
	choice(cmd, "broker", cloudSide, clientSide)
}

// way is the way to a broker.
type way struct {
	*amqpx.Transport
	addrs []string
}

// transport makes the way to a side's broker; it connects to nothing.
func (c *cli) transport(cfg *config.Config, side string) (*way, error) {
	var b config.Broker
	var section string
	switch side {
	case cloudSide:
		b, section = cfg.ServerBroker, "server.broker"
	case clientSide:
		b, section = cfg.ClientBroker, "client.broker"
	default:
		return nil, usagef("--broker is %q, not %s or %s", side, cloudSide, clientSide)
	}
	if b.Port == 0 {
		return nil, usagef("%s.port is 0, so the broker's port is not known here: agata up prints it; give it by --set %s.port=PORT", section, section)
	}
	log := slog.New(slog.DiscardHandler)
	if c.verbose {
		log = c.logger(cfg)
	}
	var secure *tls.Config
	if b.TLS {
		var err error
		if secure, err = c.clientTLS(cfg); err != nil {
			return nil, err
		}
	}
	t, err := amqpx.New(amqpx.Options{
		Nodes: b.Addrs(), User: b.User, Password: b.Password.Reveal(), VHost: b.VHost, TLS: secure,
		Name: "agata/command-line", Compat: cfg.Broker.Compat, Quorum: cfg.Broker.Queues == config.Quorum, CallTimeout: cfg.RPC.Timeout, Logger: log,
	})
	return &way{Transport: t, addrs: b.Addrs()}, err
}

// over runs fn with a connection to a side's broker.
func (c *cli) over(ctx context.Context, side string, fn func(context.Context, *config.Config, rpc.Transport) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	t, err := c.transport(cfg, side)
	if err != nil {
		return err
	}
	sealed, err := sealed(cfg, side, t)
	if err != nil {
		return err
	}
	return t.With(ctx, func(ctx context.Context) error {
		if err := t.connect(ctx); err != nil {
			return fmt.Errorf("%w (the %s's broker; agata doctor looks at it)", err, side)
		}
		return fn(ctx, cfg, sealed)
	})
}

// sealed puts the cloud's seals on the way to its broker, for who can read its
// key: an admin by the machine's word.
func sealed(cfg *config.Config, side string, t *way) (rpc.Transport, error) {
	if side != cloudSide || cfg.Auth.Mode == config.AuthOff {
		return t, nil
	}
	key, err := rpc.LoadKey(cfg.Auth.KeyFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	return rpc.Sealed(t, rpc.SealOptions{Key: key, Self: rpc.Identity{Kind: rpc.Operator, Name: "local", Role: contract.RoleAdmin}}), nil
}

// connect waits for the broker, but not for one whose every node refuses connections.
func (w *way) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime*time.Duration(len(w.addrs)))
	defer cancel()
	var d net.Dialer
	var err error
	for _, addr := range w.addrs {
		var conn net.Conn
		if conn, err = d.DialContext(ctx, "tcp", addr); err == nil {
			_ = conn.Close() // only a look
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return w.Ready(ctx)
		}
	}
	return rpc.Errorf(rpc.Unavailable, "no broker at %s: %w", strings.Join(w.addrs, ", "), err)
}

// askOver calls a function at a side's broker.
func askOver[Req, Resp any](ctx context.Context, c *cli, side string, fn contract.Function[Req, Resp], req Req) (resp Resp, err error) {
	err = c.over(ctx, side, func(ctx context.Context, cfg *config.Config, t rpc.Transport) (err error) {
		ctx, cancel := context.WithTimeout(ctx, cfg.RPC.Timeout)
		defer cancel()
		resp, err = rpc.Call(ctx, t, fn, req)
		return err
	})
	return resp, err
}
