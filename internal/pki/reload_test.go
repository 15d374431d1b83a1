package pki

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agata-fl/agata/internal/config"
)

// made is a folder with an authority, a server's and a client's certificate.
func made(t *testing.T) (Folder, config.TLS) {
	t.Helper()
	f := Folder(t.TempDir())
	if err := f.Init(nil, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	return f, config.TLS{Cert: f.Cert("server"), Key: f.Key("server"), CA: f.Cert("ca"),
		ClientCert: f.Cert("client"), ClientKey: f.Key("client")}
}

func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestRenewedCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := made(t)
		var log bytes.Buffer
		s, err := open("cert", c.Cert, c.Key, logTo(&log))
		if err != nil {
			t.Fatal(err)
		}
		first := s.current()
		renew := func() {
			if err := f.Issue(Request{Name: "server", Kind: Server, Hosts: Local(), Now: time.Now()}, true); err != nil {
				t.Fatal(err)
			}
		}
		renew()
		if s.current() != first {
			t.Error("it looked at the files again at once")
		}
		time.Sleep(lookEvery)
		second := s.current()
		if second == first || second.Leaf.SerialNumber.Cmp(first.Leaf.SerialNumber) == 0 {
			t.Error("the renewed certificate is not in use")
		}
		time.Sleep(lookEvery)
		if s.current() != second {
			t.Error("files that did not change were read again")
		}

		// Half of a renewal: the old one goes on, which is told once.
		key, err := os.ReadFile(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		renew()
		fresh, err := os.ReadFile(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.Key, key, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(lookEvery)
			if s.current() != second {
				t.Error("a certificate without its key is in use")
			}
		}
		if n := strings.Count(log.String(), "cannot be used"); n != 1 || !strings.Contains(log.String(), "does not belong to the certificate") {
			t.Errorf("told %d times: %s", n, log.String())
		}
		if err := os.WriteFile(c.Key, fresh, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		if s.current() == second {
			t.Error("the other half did not bring the renewed certificate")
		}
		if err := os.Remove(c.Cert); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		if s.current() == nil {
			t.Error("a removed file took the certificate away")
		}
	})
}

func TestEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := made(t)
		var log bytes.Buffer
		s, err := open("cert", c.Cert, c.Key, logTo(&log))
		if err != nil {
			t.Fatal(err)
		}
		count := func(text string) int { return strings.Count(log.String(), text) }
		time.Sleep(leafFor - Soon - time.Hour)
		if s.current(); count("expires soon") != 0 {
			t.Error("told too early")
		}
		time.Sleep(2 * time.Hour)
		for range 48 { // two days
			s.current()
			time.Sleep(time.Hour)
		}
		if n := count("expires soon"); n != 2 {
			t.Errorf("told %d times in two days", n)
		}
		time.Sleep(Soon)
		if s.current(); count("level=ERROR") != 1 || count("has expired") != 1 {
			t.Errorf("the end: %s", log.String())
		}
		if err := f.Issue(Request{Name: "server", Kind: Server, Hosts: Local(), Now: time.Now()}, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		if s.current(); count("renewed certificate is in use") != 1 {
			t.Errorf("the renewal: %s", log.String())
		}
	})
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	f, c := made(t)
	other, _ := made(t)
	text := func(t *testing.T, content string) string {
		path := string(f) + "/" + strings.ReplaceAll(t.Name(), "/", "-")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tc := range map[string]struct {
		adjust func(*testing.T, *config.TLS)
		want   string
	}{
		"no certificate":     {func(_ *testing.T, c *config.TLS) { c.Cert = "/none" }, "tls.cert: stat /none: no such file"},
		"no key":             {func(_ *testing.T, c *config.TLS) { c.Key = "/none" }, "stat /none: no such file"},
		"another's key":      {func(_ *testing.T, c *config.TLS) { c.Key = other.Key("server") }, "does not belong to the certificate"},
		"not PEM":            {func(t *testing.T, c *config.TLS) { c.Cert = text(t, "hello") }, "holds no certificate in PEM"},
		"not PEM key":        {func(t *testing.T, c *config.TLS) { c.Key = text(t, "hello") }, "failed to find any PEM data"},
		"no authority":       {func(_ *testing.T, c *config.TLS) { c.CA = "/none" }, "tls.ca: open /none"},
		"an empty authority": {func(t *testing.T, c *config.TLS) { c.CA = text(t, "") }, "tls.ca: "},
		"a client's key":     {func(_ *testing.T, c *config.TLS) { c.ClientKey = c.Key }, "tls.client_cert: the key"},
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			c.RequireClientCert = true
			tc.adjust(t, &c)
			_, err := ServerConfig(c, slog.New(slog.DiscardHandler))
			if err == nil {
				_, err = ClientConfig(c, slog.New(slog.DiscardHandler))
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if _, err := Check(c, time.Now()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the check says %v, want %q", err, tc.want)
			}
		})
	}
	if own, err := ServerConfig(config.TLS{}, slog.New(slog.DiscardHandler)); own != nil || err != nil {
		t.Errorf("without a certificate: %v, %v", own, err)
	}
	list, err := Check(c, time.Now())
	if err != nil || len(list) != 3 || list[0].Setting != "tls.cert" || list[1].Kind != "client" || list[2].Kind != "authority" {
		t.Errorf("%+v, %v", list, err)
	}
}
