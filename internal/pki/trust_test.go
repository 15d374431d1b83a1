package pki_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is a log that goroutines write.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) has(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), text)
}

// folder has an authority, and certificates that end in for.
func folder(t *testing.T, last time.Duration, hosts ...string) (pki.Folder, config.TLS) {
	t.Helper()
	f := pki.Folder(t.TempDir())
	if err := f.Init(nil, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]pki.Kind{"server": pki.Server, "client": pki.Client} {
		if err := f.Issue(pki.Request{Name: name, Kind: kind, Hosts: hosts, Now: time.Now(), For: last}, true); err != nil {
			t.Fatal(err)
		}
	}
	return f, config.TLS{Cert: f.Cert("server"), Key: f.Key("server"), CA: f.Cert("ca"), ClientCert: f.Cert("client"), ClientKey: f.Key("client")}
}

func configs(t *testing.T, c config.TLS) (own, trust *tls.Config) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	own, err := pki.ServerConfig(c, log)
	if err != nil {
		t.Fatal(err)
	}
	trust, err = pki.ClientConfig(c, log)
	if err != nil {
		t.Fatal(err)
	}
	return own, trust
}

// TestTrust: who is served by HTTP and by AMQP, and what both sides say if not.
func TestTrust(t *testing.T) {
	const far = 1000 * time.Hour
	f, good := folder(t, far, pki.Local()...)
	if err := f.Issue(pki.Request{Name: "old", Kind: pki.Client, Now: time.Now(), For: -time.Hour}, false); err != nil {
		t.Fatal(err)
	}
	old := config.TLS{CA: good.CA, ClientCert: f.Cert("old"), ClientKey: f.Key("old")}
	_, expired := folder(t, -time.Hour, pki.Local()...)
	_, elsewhere := folder(t, far, "cloud.example")
	_, stranger := folder(t, far, pki.Local()...)
	only := func(server, client config.TLS) config.TLS { // shows client's, trusts server's authority
		return config.TLS{CA: server.CA, ClientCert: client.ClientCert, ClientKey: client.ClientKey}
	}
	asServer := good
	asServer.ClientCert, asServer.ClientKey = good.Cert, good.Key
	for name, tc := range map[string]struct {
		server, client config.TLS
		mutual         bool
		says           string // the client; "": served
		hint           string
		logged         string // by the server
	}{
		"the same authority":           {good, good, false, "", "", ""},
		"both show one":                {good, good, true, "", "", ""},
		"nothing to show":              {good, config.TLS{CA: good.CA}, true, "certificate required", "client_cert", "client didn't provide a certificate"},
		"another authority":            {good, only(stranger, good), false, "certificate signed by unknown authority", "ca.pem", "remote error: tls: bad certificate"},
		"the system's authorities":     {good, config.TLS{}, false, "certificate signed by unknown authority", "ca.pem", "remote error: tls: bad certificate"},
		"the client's authority":       {good, only(good, stranger), true, "remote error: tls: unknown certificate authority", "client_cert", "certificate signed by unknown authority"},
		"a server's shown by a client": {good, asServer, true, "remote error: tls: ", "client_cert", "incompatible key usage"},
		"an expired server":            {expired, config.TLS{CA: expired.CA}, false, "certificate has expired", "renew it", "remote error: tls: bad certificate"},
		"an expired client":            {good, old, true, "remote error: tls: expired certificate", "client_cert", "certificate has expired"},
		"another host":                 {elsewhere, elsewhere, false, "127.0.0.1", "reach it by", "remote error: tls: bad certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := tc.server
			server.RequireClientCert = tc.mutual
			own, _ := configs(t, server)
			_, trust := configs(t, tc.client)

			var log book
			web := serveHTTP(t, own, &log)
			if err := ask(t, "https://"+web, trust); tc.says == "" && err != nil {
				t.Errorf("HTTP: %v", err)
			}
			if tc.says != "" { // an alert may be lost with its connection
				testenv.Eventually(t, 10*time.Second, "HTTP: "+tc.says+", "+tc.hint, func() bool {
					err := ask(t, "https://"+web, trust)
					return err != nil && strings.Contains(err.Error(), tc.says) && strings.Contains(err.Error(), tc.hint)
				})
			}
			if tc.logged != "" {
				testenv.Eventually(t, 10*time.Second, "the gateway logs "+tc.logged, func() bool { return log.has(tc.logged) })
			}

			var blog book
			port := serveAMQP(t, own, &blog)
			connect(t, port, trust, tc.says)
			if tc.logged != "" {
				testenv.Eventually(t, 10*time.Second, "the broker logs "+tc.logged, func() bool { return blog.has(tc.logged) })
			}
		})
	}
}

func serveHTTP(t *testing.T, own *tls.Config, log io.Writer) (addr string) {
	t.Helper()
	s, err := httpx.New(httpx.Options{Addr: "127.0.0.1:0", TLS: own, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"proto":"`+r.Proto+`"}`)
		})})
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Run(t, "an HTTP server", s.Run)
	return s.Addr()
}

// ask asks as the command line does.
func ask(t *testing.T, url string, trust *tls.Config) error {
	t.Helper()
	c, err := apiclient.New(apiclient.Options{URL: url, TLS: trust, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Task(t.Context(), "a")
	return err
}

func serveAMQP(t *testing.T, own *tls.Config, log io.Writer) (port int) {
	t.Helper()
	b, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0", TLS: own, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Run(t, "a broker", b.Run)
	return b.Addr().(*net.TCPAddr).Port
}

// connect publishes a message, which the broker confirms, or waits until the
// transport says why it has no session.
func connect(t *testing.T, port int, trust *tls.Config, says string) {
	t.Helper()
	connectTo(t, amqpx.Options{Host: "127.0.0.1", Port: port, TLS: trust}, says)
}

func connectTo(t *testing.T, o amqpx.Options, says string) {
	t.Helper()
	var log book
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	tr, err := amqpx.New(o)
	if err != nil {
		t.Fatal(err)
	}
	stop := brokertest.Run(t, "a transport", tr.Run)
	defer stop()
	if says != "" {
		testenv.Eventually(t, 20*time.Second, "AMQP: "+says, func() bool { return log.has(says) })
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := tr.Publish(ctx, "q", []byte("x")); err != nil {
		t.Errorf("AMQP: %v", err)
	}
}

// TestRabbitMQ: the certificates are good for RabbitMQ, both ways.
func TestRabbitMQ(t *testing.T) {
	n, dir := testenv.RabbitMQTLS(t)
	f := pki.Folder(dir)
	c := config.TLS{CA: f.Cert("ca"), ClientCert: f.Cert("client"), ClientKey: f.Key("client")}
	_, stranger := folder(t, time.Hour, pki.Local()...)
	for name, tc := range map[string]struct {
		client config.TLS
		says   string
	}{
		"the same authority":   {c, ""},
		"nothing to show":      {config.TLS{CA: c.CA}, "remote error: tls: "},
		"another authority":    {config.TLS{CA: stranger.CA}, "certificate signed by unknown authority"},
		"a stranger's to show": {config.TLS{CA: c.CA, ClientCert: stranger.ClientCert, ClientKey: stranger.ClientKey}, "remote error: tls: unknown certificate authority"},
	} {
		_, trust := configs(t, tc.client)
		t.Run(name, func(t *testing.T) {
			connectTo(t, amqpx.Options{Host: n.Host, Port: n.Port, VHost: n.VHost, TLS: trust}, tc.says)
		})
	}
}

// TestTwoTongues: who speaks TLS to one that does not, or the other way round, learns it.
func TestTwoTongues(t *testing.T) {
	_, c := folder(t, time.Hour, pki.Local()...)
	own, trust := configs(t, c)
	var log book
	if err := ask(t, "https://"+serveHTTP(t, nil, &log), trust); err == nil || !strings.Contains(err.Error(), "it does not speak TLS") {
		t.Errorf("https to http: %v", err)
	}
	if err := ask(t, "http://"+serveHTTP(t, own, &log), nil); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("http to https: %v", err)
	}
	connect(t, serveAMQP(t, nil, &log), trust, "first record does not look like a TLS handshake")
	testenv.Eventually(t, 10*time.Second, "the broker logs that its client speaks TLS", func() bool { return log.has("the client speaks TLS") })
	connect(t, serveAMQP(t, own, &log), nil, "no session with the broker")
	testenv.Eventually(t, 10*time.Second, "the broker logs that its client does not", func() bool { return log.has("does not look like a TLS handshake") })
}

// TestProtocols: TLS 1.3 and HTTP/2 by default, 1.2 with modern suites at least.
func TestProtocols(t *testing.T) {
	_, c := folder(t, time.Hour, pki.Local()...)
	own, trust := configs(t, c)
	var log book
	addr := serveHTTP(t, own, &log)
	client := &http.Client{Transport: httpx.Secure(&http.Transport{}, trust)}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.TLS.Version != tls.VersionTLS13 {
		t.Errorf("%s over TLS %x", resp.Proto, resp.TLS.Version)
	}
	for name, tc := range map[string]struct {
		adjust func(*tls.Config)
		good   bool
	}{
		"1.2": {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		"1.1": {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false},
		"1.2 with CBC": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, false},
		"1.2 of old RSA": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}, false},
	} {
		c := trust.Clone()
		tc.adjust(c)
		d := tls.Dialer{Config: c}
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err == nil {
			conn.Close()
		}
		if (err == nil) != tc.good {
			t.Errorf("TLS %s: %v", name, err)
		}
	}
}
