package httpx_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/pki"
)

// pipes is a listener whose connections are in memory.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// cable is a connection that can be cut without either side hearing of it.
type cable struct {
	net.Conn
	cut atomic.Bool
}

func (c *cable) Write(b []byte) (int, error) {
	if c.cut.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// A connection that is cut in silence is given up long before the kernel would,
// and requests go by a new one.
func TestHalfOpenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := pki.Folder(t.TempDir())
		if err := f.Init(nil, time.Now(), false); err != nil {
			t.Fatal(err)
		}
		silent := slog.New(slog.DiscardHandler)
		own, err := pki.ServerConfig(config.TLS{Cert: f.Cert("server"), Key: f.Key("server")}, silent)
		if err != nil {
			t.Fatal(err)
		}
		trust, err := pki.ClientConfig(config.TLS{CA: f.Cert("ca")}, silent)
		if err != nil {
			t.Fatal(err)
		}
		listener := &pipes{made: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{TLSConfig: own.Clone(), ErrorLog: slog.NewLogLogger(silent.Handler(), slog.LevelError),
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })}
		done := make(chan error, 1)
		go func() { done <- server.ServeTLS(listener, "", "") }()

		var dials []*cable
		transport := httpx.Secure(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			dials = append(dials, &cable{Conn: here})
			listener.made <- there
			return dials[len(dials)-1], nil
		}}, trust)
		get := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://localhost/", nil)
			if err != nil {
				return err
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "HTTP/2.0" {
				t.Errorf("%s, %v", body, err)
			}
			return nil
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
		dials[0].cut.Store(true)
		if err := get(); err == nil {
			t.Error("a request over a cut connection was answered")
		}
		began := time.Now()
		for get() != nil && time.Since(began) < 5*time.Minute {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > 30*time.Second || len(dials) != 2 {
			t.Errorf("it took %s and %d connections", took, len(dials))
		}
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
}

// TestSecure: what is given is not changed, since others use it too.
func TestSecure(t *testing.T) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if got := httpx.Secure(&http.Transport{}, c); got.TLSClientConfig == c || !got.ForceAttemptHTTP2 {
		t.Errorf("%+v", got)
	}
	if got := httpx.Secure(&http.Transport{}, nil); got.TLSClientConfig != nil {
		t.Errorf("%+v", got.TLSClientConfig)
	}
}
