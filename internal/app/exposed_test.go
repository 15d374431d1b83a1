package app

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "localhost": true, "::ffff:127.0.0.1": true,
		"0.0.0.0": false, "::": false, "": false, "10.8.0.1": false, "fe80::1": false, "192.0.2.1": false, "::ffff:10.0.0.1": false,
	} {
		if got, err := loopback(t.Context(), host); got != want || err != nil {
			t.Errorf("%q: %t, %v", host, got, err)
		}
	}
	if local, err := loopback(t.Context(), "no-such-host.invalid"); local || err == nil {
		t.Errorf("a name that nobody has: %t, %v", local, err)
	}
}

// started runs an app on free ports until it is up, and returns why it is not.
func started(t *testing.T, services []string, log *bytes.Buffer, settings ...string) error {
	t.Helper()
	set := map[string]string{
		"broker.mode": "embedded", "server.gateway.port": "0", "server.files.port": "0", "client.broker.port": "0", "server.broker.port": "0",
		"server.broker.host": "127.0.0.1", "client.broker.host": "127.0.0.1",
	}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		set[key] = value
	}
	t.Chdir(t.TempDir())
	cfg, err := config.Load(config.LoadOptions{Data: t.TempDir(), Overrides: set})
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Config: cfg, Services: services, Logger: slog.New(slog.NewTextHandler(log, nil)), Brokers: services == nil})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-a.Started():
		cancel()
		return <-done
	}
}

func TestBeyondThisMachine(t *testing.T) {
	key := filepath.Join(t.TempDir(), "cloud.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0", 64)), 0o600); err != nil {
		t.Fatal(err)
	}
	f := pki.Folder(t.TempDir())
	if err := f.Init(nil, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	cloud := []string{UserManager, CloudTaskManager, CloudGateway}
	for name, tc := range map[string]struct {
		services []string
		settings []string
		refused  []string // in the error; none: it starts
		warned   bool
	}{
		"loopback":           {cloud, nil, nil, false},
		"a name of loopback": {cloud, []string{"server.gateway.host=localhost", "server.files.host=::1"}, nil, false},
		"the gateway":        {cloud, []string{"server.gateway.host=0.0.0.0"}, []string{"server.gateway.host", `"0.0.0.0"`, "the gateway", "agata operator init"}, false},
		"the file server":    {cloud, []string{"server.files.host=::"}, []string{"server.files.host", `"::"`, "the file server", "agata operator init"}, false},
		"off is not closed":  {cloud, []string{"server.gateway.host=0.0.0.0", "auth.mode=off", "auth.key_file=" + key}, []string{"server.gateway.host"}, false},
		"no key yet":         {cloud, []string{"server.gateway.host=0.0.0.0", "auth.key_file=" + key + "x"}, []string{"server.gateway.host"}, false},
		"on without a key":   {cloud, []string{"server.gateway.host=0.0.0.0", "auth.mode=on"}, []string{"auth.mode is on", "agata operator init"}, false},
		"closed":             {cloud, []string{"server.gateway.host=0.0.0.0", "server.files.host=0.0.0.0", "auth.key_file=" + key}, nil, true},
		"the cloud's broker": {nil, []string{"server.broker.host=0.0.0.0"}, []string{"server.broker.host", "user and password in section [server.broker]"}, false},
		"the client's":       {nil, []string{"client.broker.host=0.0.0.0"}, []string{"client.broker.host", "[client.broker]"}, false},
		"guest's by another": {nil, []string{"client.broker.host=0.0.0.0", "client.broker.user=agata"}, []string{"client.broker.host"}, false},
		"no password":        {nil, []string{"client.broker.host=0.0.0.0", "client.broker.password="}, []string{"client.broker.host"}, false},
		"its own password":   {nil, []string{"client.broker.host=0.0.0.0", "client.broker.password=xyzzy"}, nil, true},
		"over TLS": {cloud, []string{"server.gateway.host=0.0.0.0", "server.files.host=0.0.0.0", "auth.key_file=" + key,
			"tls.cert=" + f.Cert("server"), "tls.key=" + f.Key("server"), "tls.ca=" + f.Cert("ca")}, nil, false},
		"TLS alone":                      {cloud, []string{"server.gateway.host=0.0.0.0", "tls.cert=" + f.Cert("server"), "tls.key=" + f.Key("server")}, []string{"server.gateway.host"}, false},
		"a broker without a certificate": {nil, []string{"server.broker.tls=true"}, []string{"cloud broker", "agata tls init"}, false},
		"a certificate that is missing":  {nil, []string{"tls.cert=/none", "tls.key=/none"}, []string{"tls.cert", "/none"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			err := started(t, tc.services, &log, tc.settings...)
			if (err == nil) != (tc.refused == nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range tc.refused {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %s", err, want)
				}
			}
			if warned := strings.Contains(log.String(), "in the clear"); warned != tc.warned {
				t.Errorf("warned: %t", warned)
			}
		})
	}
}
