package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/agata-fl/agata/internal/config"
)

// resolveTime bounds the look-up of a name to listen on.
const resolveTime = 5 * time.Second

// exposure is a server of this process, as far as the network may see it.
type exposure struct {
	setting string // that names the address: server.gateway.host
	host    string
	what    string // the gateway
	guarded bool   // by credentials
	mend    string // how to have it guarded
	secure  bool   // by TLS
}

// expose refuses to listen beyond this machine where nobody is asked for
// credentials: whoever reached the address could run programs here.
func (a *App) expose(ctx context.Context, e exposure) error {
	local, err := loopback(ctx, e.host)
	if err != nil {
		return fmt.Errorf("%s: find out whether %s is of this machine alone: %w", e.setting, e.host, err)
	}
	if local {
		return nil
	}
	if !e.guarded {
		return fmt.Errorf("%s is %q, which other machines reach, and %s asks nobody for credentials: %s, or set %s to 127.0.0.1",
			e.setting, e.host, e.what, e.mend, e.setting)
	}
	if !e.secure {
		a.log.Warn("passwords cross the network in the clear, unless a proxy or a VPN encrypts them: see section [tls] of config.ini", "setting", e.setting, "host", e.host)
	}
	return nil
}

// loopback tells whether only this machine reaches what listens on a host.
func loopback(ctx context.Context, host string) (bool, error) {
	if host == "" {
		return false, nil // every address
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false, err
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return false, nil
		}
	}
	return len(ips) > 0, nil
}

// exposeServer is expose for the cloud's HTTP servers.
func (a *App) exposeServer(ctx context.Context, setting, host, what string) error {
	shut, err := closed(a.cfg)
	if err != nil {
		return err
	}
	return a.expose(ctx, exposure{
		setting: setting, host: host, what: what, guarded: shut, secure: a.tls.server != nil,
		mend: "make the first operator (agata operator init NAME), with which the cloud asks for credentials",
	})
}

// exposeBroker is expose for an embedded broker, whose account everybody knows
// until it is changed.
func (a *App) exposeBroker(ctx context.Context, side string, b config.Broker) error {
	section := "server.broker"
	if side != "cloud" {
		section = "client.broker"
	}
	password := b.Password.Reveal()
	return a.expose(ctx, exposure{
		setting: section + ".host", host: b.Host, what: "the embedded broker, whose password everybody knows,",
		guarded: password != "" && password != "guest", secure: b.TLS,
		mend: "set user and password in section [" + section + "] of config.ini",
	})
}
