package app

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/config"
)

func TestClosed(t *testing.T) {
	key := filepath.Join(t.TempDir(), "cloud.key")
	if err := os.WriteFile(key, []byte("00"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "cloud.key")
	for name, tc := range map[string]struct {
		mode   config.AuthMode
		key    string
		closed bool
		part   string // of the error; "" for none
	}{
		"auto with a key":    {config.AuthAuto, key, true, ""},
		"auto without":       {config.AuthAuto, missing, false, ""},
		"on with a key":      {config.AuthOn, key, true, ""},
		"on without":         {config.AuthOn, missing, false, "agata operator init"},
		"off with a key":     {config.AuthOff, key, false, ""},
		"off without":        {config.AuthOff, missing, false, ""},
		"a key below a file": {config.AuthAuto, filepath.Join(key, "cloud.key"), false, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := closed(&config.Config{Auth: config.Auth{Mode: tc.mode, KeyFile: tc.key}})
			if got != tc.closed || (err != nil) != (tc.part != "") || err != nil && !strings.Contains(err.Error(), tc.part) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// cloud is a configuration of a cloud of its own.
func cloud(t *testing.T, data, mode string) *config.Config {
	t.Helper()
	cfg, err := config.Load(config.LoadOptions{Data: data, Hostname: "h", Overrides: map[string]string{
		"broker.mode": "embedded", "server.broker.host": "127.0.0.1", "server.broker.port": "0", "server.gateway.host": "127.0.0.1", "server.gateway.port": "0", "auth.mode": mode,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestGatewayOfAClosedCloud asks for what the first admin has.
func TestGatewayOfAClosedCloud(t *testing.T) {
	data := t.TempDir()
	cfg := cloud(t, data, "auto")
	if err := access.Init(t.Context(), data, Database(cfg), cfg.Auth.KeyFile, "ada", "correct horse"); err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Config: cfg, Services: []string{UserManager, CloudGateway}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-a.Started():
	case <-time.After(30 * time.Second):
		t.Fatal("the cloud does not start")
	}
	ask := func(method, path, body, cookie string) (int, string, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, a.Info().GatewayURL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", cookie)
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		cookie, _, _ = strings.Cut(resp.Header.Get("Set-Cookie"), ";")
		return resp.StatusCode, string(b), cookie
	}
	if status, body, _ := ask("GET", "/api/v1/clients", "", ""); status != 401 {
		t.Errorf("nobody: %d %s", status, body)
	}
	status, body, cookie := ask("POST", "/api/v1/session", `{"name":"ada","password":"correct horse"}`, "")
	if status != 201 {
		t.Fatalf("got %d %s", status, body)
	}
	if status, body, _ := ask("GET", "/api/v1/clients", "", cookie); status != 200 {
		t.Errorf("the admin: %d %s", status, body)
	}
}

// TestModeOnWithoutAKey does not start open.
func TestModeOnWithoutAKey(t *testing.T) {
	a, err := New(Options{Config: cloud(t, t.TempDir(), "on"), Services: []string{CloudGateway}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := a.Run(ctx); err == nil || !strings.Contains(err.Error(), "agata operator init") {
		t.Errorf("got %v", err)
	}
}
