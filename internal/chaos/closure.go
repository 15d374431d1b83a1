package chaos

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// operatorName is the administrator's, as whom the harness acts.
	operatorName = "chaos"
	// operatorPassword is good for nothing but the loopback systems of a campaign.
	operatorPassword = "it breaks and mends itself"
)

// closure is what shuts a closed system, made by AGATA's own commands: a key and an
// administrator, a private authority that all connections are of, the clients'
// credentials, and the one signer whose tasks run.
type closure struct {
	home   string // of the administrator: all secrets
	trust  *tls.Config
	key    rpc.Key
	signer bundle.PrivateKey
	token  string // of the harness at the gateway; "" until it is let in
}

func (c *closure) certs() pki.Folder   { return pki.Folder(filepath.Join(c.home, "tls")) }
func (c *closure) keyFile() string     { return filepath.Join(c.home, "cloud.key") }
func (c *closure) signerFile() string  { return filepath.Join(c.home, "signer.key") }
func (c *closure) trustedFile() string { return filepath.Join(c.home, "trusted_keys") }

// shut makes what a closed system needs before anything of it runs.
func (s *System) shut(ctx context.Context) (err error) {
	c := &closure{home: filepath.Join(s.dir, "operator")}
	s.closed = c
	if err := os.MkdirAll(c.home, 0o700); err != nil {
		return err
	}
	if _, err := s.command(ctx, "", "tls", "init", "--host", "localhost", "--dir", string(c.certs())); err != nil {
		return err
	}
	if _, err := s.command(ctx, operatorPassword, "operator", "init", operatorName, "--password-stdin",
		"--data", filepath.Join(s.dir, "cloud-gateway"), "--set", "auth.key_file="+c.keyFile()); err != nil {
		return err
	}
	trusted, err := s.command(ctx, "", "key", "new", operatorName, "--out", c.signerFile())
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.trustedFile(), []byte(trusted), 0o600); err != nil {
		return err
	}
	if c.key, err = rpc.LoadKey(c.keyFile()); err != nil {
		return err
	}
	if c.signer, err = bundle.LoadPrivateKey(c.signerFile()); err != nil {
		return err
	}
	c.trust, err = pki.ClientConfig(config.TLS{CA: c.certs().Cert("ca"), ClientCert: c.certs().Cert("client"), ClientKey: c.certs().Key("client")}, slog.New(slog.DiscardHandler))
	return err
}

// admit lets the harness and the clients in, when the gateway is up.
func (s *System) admit(ctx context.Context) (err error) {
	for s.address("cloud-gateway") == "" {
		if err := s.processes["cloud-gateway"].failure(); err != nil {
			return err
		}
		if sleep(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	at := []string{"--set", "server.gateway.url=" + s.base("cloud-gateway")}
	for key, value := range s.closed.network() {
		at = append(at, "--set", key+"="+value)
	}
	if _, err := s.command(ctx, operatorPassword, append(at, "login", "--name", operatorName, "--password-stdin")...); err != nil {
		return err
	}
	token, err := s.command(ctx, "", append(at, "operator", "token", "chaos")...)
	if err != nil {
		return err
	}
	s.closed.token = strings.TrimSpace(token)
	for _, client := range clients {
		once, err := s.command(ctx, "", append(at, "client", "enrol", client)...)
		if err != nil {
			return err
		}
		join := append(slices.Clone(at), "client", "join", "--password-stdin", "--data", filepath.Join(s.dir, client+"-gateway"), "--set", "client.info.user_id="+client)
		if _, err := s.command(ctx, once, join...); err != nil {
			return err
		}
	}
	return nil
}

// network are the settings by which a process serves and connects in a closed
// system.
func (c *closure) network() map[string]string {
	f := c.certs()
	return map[string]string{"tls.cert": f.Cert("server"), "tls.key": f.Key("server"), "tls.ca": f.Cert("ca"),
		"tls.client_cert": f.Cert("client"), "tls.client_key": f.Key("client"), "tls.require_client_cert": "true"}
}

// closure is what a process of a closed system is told beside those of an open
// one: nothing if it is open. A broker of RabbitMQ is spoken to in the clear.
func (s *System) closure(name string) map[string]string {
	c := s.closed
	if c == nil {
		return nil
	}
	set := c.network()
	if s.opt.Broker == Embedded {
		set["server.broker.tls"], set["client.broker.tls"] = "true", "true"
	}
	if isBroker(name) {
		return set
	}
	set["tasks.trusted_keys"] = c.trustedFile()
	if services()[name] == cloudBroker {
		// The harness is one operator, who looks all the time.
		maps.Copy(set, map[string]string{"auth.mode": "on", "auth.key_file": c.keyFile(), "auth.requests_per_second": "5000", "auth.sign_in_per_minute": "1000"})
	}
	return set
}

// command runs one of AGATA's commands as the administrator, and returns what it
// prints. Secrets go in by standard input.
func (s *System) command(ctx context.Context, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.opt.Binary, args...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+s.closed.home, "AGATA_TOKEN=")
	cmd.Stdin = strings.NewReader(stdin)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("agata %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return out.String(), nil
}
