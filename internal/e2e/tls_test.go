package e2e

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/contract"
)

// secureWorld speaks TLS everywhere, and serves only who shows a certificate.
func secureWorld(t *testing.T) (*world, pki.Folder, config.TLS) {
	t.Helper()
	f := pki.Folder(filepath.Join(t.TempDir(), "tls"))
	if err := f.Init([]string{"cloud.example"}, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	files := config.TLS{Cert: f.Cert("server"), Key: f.Key("server"), CA: f.Cert("ca"),
		ClientCert: f.Cert("client"), ClientKey: f.Key("client"), RequireClientCert: true}
	own, trust := tlsOf(t, files)
	w := newWorldOn(t, embedOver(t, 0, own, trust), embedOver(t, 0, own, trust))
	for key, value := range map[string]string{"cert": files.Cert, "key": files.Key, "ca": files.CA,
		"client_cert": files.ClientCert, "client_key": files.ClientKey, "require_client_cert": "true"} {
		w.set["tls."+key] = value
	}
	return w, f, files
}

func tlsOf(t testing.TB, files config.TLS) (own, trust *tls.Config) {
	t.Helper()
	own, err := pki.ServerConfig(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	trust, err = pki.ClientConfig(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return own, trust
}

// A task runs from its upload to its end with every connection by mutual TLS.
func TestEverythingOverTLS(t *testing.T) {
	t.Parallel()
	w, f, files := secureWorld(t)
	w.serveCloud()
	gateway := w.set["server.gateway.url"]
	if !strings.HasPrefix(gateway, "https://127.0.0.1:") || !strings.HasPrefix(w.set["server.files.url"], "https://127.0.0.1:") {
		t.Fatalf("the cloud is at %s and %s", gateway, w.set["server.files.url"])
	}
	const password = "of-this-task-alone"
	w.task("a", "note('up')\n"+forever, "note('up')\nfinish()\n", func(r *contract.CreateTaskRequest) { r.Password = password })
	w.start("a")
	w.serveClient()
	w.noted("cloud", "up")
	w.noted("client", "up")
	w.ended("a")

	// The gateway reaches the file server, too.
	_, trust := tlsOf(t, files)
	a := requestOver(t, trust, http.MethodGet, gateway+"/api/v1/tasks/a/files/client.py", "")
	if a.status != http.StatusOK || !strings.Contains(a.body, "finish()") {
		t.Errorf("a file by the gateway: %d %.200s", a.status, a.body)
	}
	clear := request(t, http.MethodGet, strings.Replace(gateway, "https://", "http://", 1)+"/healthz", "")
	if clear.status != http.StatusBadRequest || !strings.Contains(clear.body, "HTTP request to an HTTPS server") {
		t.Errorf("a request in the clear: %d %s", clear.status, clear.body)
	}

	// A renewed certificate is served without a restart.
	if err := f.Issue(pki.Request{Name: "server", Kind: pki.Server, Hosts: append(pki.Local(), "renewed.example"), Now: time.Now()}, true); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{gateway, w.set["server.files.url"]} {
		w.eventually("the renewed certificate is served at "+addr, func() bool { return slices.Contains(served(t, addr, trust), "renewed.example") })
	}
	w.task("b", forever, "note('again')\nfinish()\n", nil)
	w.start("b")
	w.noted("client", "again")

	said := w.log.tail(1 << 20)
	for _, key := range []string{"ca", "server", "client"} {
		text, err := os.ReadFile(f.Key(key))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(said, strings.Split(string(text), "\n")[1]) {
			t.Errorf("the log holds the key of %s", key)
		}
	}
	if strings.Contains(said, password) {
		t.Error("the log holds a task's password")
	}
}

// served are the names of the certificate that a server shows.
func served(t testing.TB, url string, trust *tls.Config) []string {
	t.Helper()
	d := tls.Dialer{Config: trust}
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].DNSNames
}

// A client of another authority's world is refused, is told why, and works once it
// trusts the right one.
func TestClientThatTrustsAnotherAuthority(t *testing.T) {
	t.Parallel()
	w, f, files := secureWorld(t)
	w.serveCloud()
	w.task("a", forever, "note('up')\n"+forever, nil)
	w.start("a")
	other := pki.Folder(t.TempDir())
	if err := other.Init(nil, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(other.Cert("ca"))
	if err != nil {
		t.Fatal(err)
	}
	// Its broker is of its own authority; the cloud is not.
	both := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(both, own, 0o600); err != nil {
		t.Fatal(err)
	}
	w.client.stop()
	w.client.tls, _ = tlsOf(t, config.TLS{Cert: other.Cert("server"), Key: other.Key("server")})
	w.client.serve(t, w.client.port)
	w.set["tls.ca"] = both
	client := w.serveClient()
	w.eventually("the client's log says what is wrong", func() bool {
		said := w.log.tail(1000)
		return strings.Contains(said, "certificate signed by unknown authority") && strings.Contains(said, "put that authority's ca.pem at ca")
	})
	w.eventually("the cloud's log says who was refused", func() bool { return strings.Contains(w.log.tail(1000), "remote error: tls: bad certificate") })
	if notes := w.notes("client", "up"); len(notes) > 0 {
		t.Error("the client ran a task of a cloud that it does not trust")
	}
	client.stop()
	cloud, err := os.ReadFile(files.CA)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(both, append(own, cloud...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.set["tls.client_cert"], w.set["tls.client_key"] = f.Cert("client"), f.Key("client")
	w.serveClient()
	w.noted("client", "up")
}
