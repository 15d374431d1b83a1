package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
)

func gatewayPort(ctx context.Context, p Probes, cfg *config.Config) Result {
	g := cfg.Gateway
	return port(ctx, p, "server.gateway", g.Host, g.Port, func(addr string) (bool, error) {
		a, err := p.HTTP(ctx, http.MethodGet, scheme(cfg)+addr+"/healthz")
		return err == nil && a.Status == http.StatusOK && strings.Contains(a.Body, `"status"`), err
	})
}

// filesPort knows the file server by what it allows, since peers have no more
// to show than that.
func filesPort(ctx context.Context, p Probes, cfg *config.Config) Result {
	f := cfg.Files
	return port(ctx, p, "server.files", f.Host, f.Port, func(addr string) (bool, error) {
		a, err := p.HTTP(ctx, http.MethodOptions, scheme(cfg)+addr+"/upload_files")
		return err == nil && a.Status < 300 && strings.Contains(a.Header.Get("Allow"), http.MethodPost), err
	})
}

// scheme is how this instance's own servers are asked.
func scheme(cfg *config.Config) string {
	if cfg.TLS.Cert != "" {
		return "https://"
	}
	return "http://"
}

// port asks whether a server can have its port, or has it already.
func port(ctx context.Context, p Probes, section, host string, port int, ours func(addr string) (bool, error)) Result {
	if port == 0 {
		return ok("one that is free at the time")
	}
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	mend := fmt.Sprintf("set port in section [%s] of config.ini", section)
	err := p.Listen(ctx, addr)
	switch {
	case err == nil:
		return ok("port %d is free", port)
	case errors.Is(err, syscall.EACCES):
		return failed(mend+" to one above 1023", "this user may not listen on port %d", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return failed(fmt.Sprintf("set host in section [%s] of config.ini: 127.0.0.1, or 0.0.0.0 for all", section),
			"%s is no address of this machine", host)
	case !errors.Is(err, syscall.EADDRINUSE):
		return failed(mend, "cannot listen on %s: %v", addr, err)
	}
	there, err := ours(reachable(addr))
	switch advice := pki.Advice(err); {
	case there:
		return ok("AGATA, or a peer of it, serves there: %s", addr)
	case advice != "":
		return warning(advice, "something serves at %s, which cannot be asked what it is: %v", addr, err)
	}
	return failed(fmt.Sprintf("stop it (ss -ltnp 'sport = :%d' names it), or %s", port, mend),
		"port %d is taken by another program", port)
}

// reachable turns an address to listen on into one to connect to.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}
