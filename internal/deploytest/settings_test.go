package deploytest

import (
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/config"
)

// settings are the variables of docs/configuration.md, which the table of
// internal/config writes.
func settings(t *testing.T) []string {
	t.Helper()
	found := regexp.MustCompile("\\| `(AGATA_[A-Z_]+)` \\|").FindAllStringSubmatch(read(t, "docs/configuration.md"), -1)
	var names []string
	for _, m := range found {
		names = append(names, m[1])
	}
	if len(names) < 20 {
		t.Fatalf("docs/configuration.md lists only %d variables", len(names))
	}
	return names
}

// loaded is a service's configuration in its container.
func loaded(t *testing.T, name string, k *container) *config.Config {
	t.Helper()
	known := settings(t)
	var environ []string
	for _, variables := range []map[string]string{imageEnvironment(t), k.Environment} {
		for _, v := range slices.Sorted(maps.Keys(variables)) {
			if strings.HasPrefix(v, "AGATA_") && !slices.Contains(known, v) {
				t.Errorf("%s: %s is no setting", name, v)
			}
			environ = append(environ, v+"="+variables[v])
		}
	}
	cfg, err := config.Load(config.LoadOptions{Data: t.TempDir(), Environ: environ, Hostname: "container"})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return cfg
}

func TestSettingsOfServices(t *testing.T) {
	c := composed(t)
	for _, name := range app.Services() {
		k := c[name]
		cfg := loaded(t, name, k)
		if cfg.Broker.Mode != config.ModeExternal {
			t.Errorf("%s: the broker's mode is %s, not external", name, cfg.Broker.Mode)
		}
		broker := cfg.ServerBroker
		if strings.HasPrefix(name, "client-") {
			broker = cfg.ClientBroker
		}
		c.reaches(t, name, broker.Host)
		there := c[broker.Host].Environment
		if broker.Port != 5672 || broker.User != there["RABBITMQ_DEFAULT_USER"] || broker.Password.Reveal() != there["RABBITMQ_DEFAULT_PASS"] {
			t.Errorf("%s has other credentials for %s, or another port, than that has itself", name, broker.Host)
		}
		for _, address := range []string{cfg.GatewayURL(), cfg.FilesURL()} {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			if name != app.UserManager { // calls neither
				c.reaches(t, name, u.Hostname())
			}
			for server, port := range map[string]int{app.CloudGateway: cfg.Gateway.Port, app.CloudTaskManager: cfg.Files.Port} {
				if u.Hostname() == server && u.Port() != itoa(port) {
					t.Errorf("%s looks for %s at port %s; it listens on %d", name, server, u.Port(), port)
				}
			}
		}
	}
}

// reaches tells whether a service shares a network with another.
func (c composition) reaches(t *testing.T, from, to string) {
	t.Helper()
	if c[to] == nil {
		t.Fatalf("%s looks for %s, which is no service of docker-compose.yml", from, to)
	}
	if from != to && !slices.ContainsFunc(c[from].Networks, func(n string) bool { return slices.Contains(c[to].Networks, n) }) {
		t.Errorf("%s looks for %s, and the two share no network", from, to)
	}
}

// TestPublishedPorts: the two HTTP servers and nothing else, on the host's
// loopback address, and each listens where its port leads.
func TestPublishedPorts(t *testing.T) {
	c := composed(t)
	gateway, files := loaded(t, app.CloudGateway, c[app.CloudGateway]).Gateway, loaded(t, app.CloudTaskManager, c[app.CloudTaskManager]).Files
	want := map[string]string{
		app.CloudGateway:     net.JoinHostPort("127.0.0.1", itoa(gateway.Port)) + ":" + itoa(gateway.Port),
		app.CloudTaskManager: net.JoinHostPort("127.0.0.1", itoa(files.Port)) + ":" + itoa(files.Port),
	}
	for name, k := range c {
		if got := strings.Join(k.Ports, " "); got != want[name] {
			t.Errorf("%s publishes %q, not %q", name, got, want[name])
		}
	}
	if gateway.Host != "0.0.0.0" || files.Host != "0.0.0.0" {
		t.Errorf("the gateway listens on %s and the file server on %s: nobody outside of their containers reaches them", gateway.Host, files.Host)
	}
}

// TestSidesMeetAtTheEdge: a client knows the cloud by its gateway, its file
// server and its task servers alone.
func TestSidesMeetAtTheEdge(t *testing.T) {
	c := composed(t)
	for name, want := range map[string][]string{
		"rabbitmq-cloud": {"cloud"}, app.UserManager: {"cloud"},
		app.CloudTaskManager: {"cloud", "edge"}, app.CloudGateway: {"cloud", "edge"},
		"rabbitmq-client": {"client"}, app.ClientGateway: {"client", "edge"}, app.ClientTaskManager: {"client", "edge"},
	} {
		if k := c[name]; k == nil || !slices.Equal(k.Networks, want) {
			t.Errorf("%s is not on the networks %q alone", name, want)
		}
	}
}

// TestNothingIsOpen: what other machines may reach asks for credentials and speaks
// TLS, by files that are made before it starts; no password has a default.
func TestNothingIsOpen(t *testing.T) {
	c := composed(t)
	mounted := func(name, path string) (volume string) {
		for _, v := range c[name].Volumes {
			if part := strings.Split(v, ":"); strings.HasPrefix(path, part[1]+"/") {
				return part[0]
			}
		}
		t.Errorf("%s finds nothing at %s", name, path)
		return ""
	}
	for _, name := range app.Services() {
		cfg := loaded(t, name, c[name])
		if cfg.TLS.CA == "" || !strings.HasPrefix(cfg.GatewayURL(), "https://") || !strings.HasPrefix(cfg.FilesURL(), "https://") {
			t.Errorf("%s reaches the cloud in the clear", name)
		}
		want := "trust"
		if !strings.HasPrefix(name, "client-") {
			want = "credentials"
			if cfg.Auth.Mode != config.AuthOn {
				t.Errorf("%s asks for credentials with mode %s only", name, cfg.Auth.Mode)
			}
			for _, path := range []string{cfg.Auth.KeyFile, cfg.TLS.Cert, cfg.TLS.Key} {
				if got := mounted(name, path); got != want {
					t.Errorf("%s has %s in the volume %s", name, path, got)
				}
			}
		}
		if got := mounted(name, cfg.TLS.CA); got != want {
			t.Errorf("%s has its authority in the volume %s", name, got)
		}
		for _, v := range c[name].Volumes {
			if strings.HasPrefix(v, "authority:") || strings.HasPrefix(v, "credentials:") && !strings.HasSuffix(v, ":ro") ||
				strings.HasPrefix(v, "credentials:") && want == "trust" {
				t.Errorf("%s mounts %s", name, v)
			}
		}
		if broker := cfg.ServerBroker.Password.Reveal(); want == "credentials" && broker != given {
			t.Errorf("the password of the cloud's broker is %q without being given", broker)
		}
	}
	for _, on := range once {
		if c[app.UserManager].DependsOn[on] == "" {
			t.Errorf("the cloud does not wait for %s", on)
		}
	}
	key := loaded(t, app.CloudGateway, c[app.CloudGateway]).Auth.KeyFile
	if got := c["operator"].Environment["AGATA_AUTH_KEY_FILE"]; got != key {
		t.Errorf("the key is made at %s, and looked for at %s", got, key)
	}
	if !slices.Contains(c["operator"].Volumes, "cloud-gateway:/data") || !slices.Contains(c[app.CloudGateway].Volumes, "cloud-gateway:/data") {
		t.Error("the first operator is not in the gateway's data")
	}
	if !slices.Equal(c["operator"].Secrets, []string{"operator_password"}) {
		t.Errorf("the first operator's password comes from %q", c["operator"].Secrets)
	}
}
