package pki

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var day = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func issue(t *testing.T, a *Authority, r Request) *x509.Certificate {
	t.Helper()
	p, err := a.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := parseCerts(p.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return certs[0]
}

func TestAuthority(t *testing.T) {
	a, err := NewAuthority(day)
	if err != nil {
		t.Fatal(err)
	}
	c := a.cert
	if !c.IsCA || c.MaxPathLen != 0 || !c.MaxPathLenZero || c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("the authority: CA %t, path %d, usage %b", c.IsCA, c.MaxPathLen, c.KeyUsage)
	}
	if !c.NotBefore.Equal(day.Add(-24*time.Hour)) || c.NotAfter.Year() != 2036 {
		t.Errorf("it lasts from %s to %s", c.NotBefore, c.NotAfter)
	}
	server := issue(t, a, Request{Name: "s", Kind: Server, Hosts: []string{"Cloud.example", "10.8.0.1", "*.fl.example", "::1", "10.8.0.1", "cloud_gateway"}, Now: day})
	if !slices.Equal(server.DNSNames, []string{"cloud.example", "*.fl.example", "cloud_gateway"}) || len(server.IPAddresses) != 2 {
		t.Errorf("hosts %v %v", server.DNSNames, server.IPAddresses)
	}
	if server.NotAfter.Sub(day) != 825*24*time.Hour || day.Sub(server.NotBefore) != 24*time.Hour {
		t.Errorf("it lasts from %s to %s", server.NotBefore, server.NotAfter)
	}
	client := issue(t, a, Request{Name: "c", Kind: Client, Now: day})
	if server.SerialNumber.Cmp(client.SerialNumber) == 0 || server.SerialNumber.BitLen() < 100 {
		t.Errorf("serial numbers %s and %s", server.SerialNumber, client.SerialNumber)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	for name, tc := range map[string]struct {
		cert *x509.Certificate
		use  x509.ExtKeyUsage
		host string
		good bool
	}{
		"server":                {server, x509.ExtKeyUsageServerAuth, "cloud.example", true},
		"server by address":     {server, x509.ExtKeyUsageServerAuth, "10.8.0.1", true},
		"server by other name":  {server, x509.ExtKeyUsageServerAuth, "evil.example", false},
		"server as a client":    {server, x509.ExtKeyUsageClientAuth, "", false},
		"client":                {client, x509.ExtKeyUsageClientAuth, "", true},
		"client as a server":    {client, x509.ExtKeyUsageServerAuth, "", false},
		"authority as a server": {issueNone(t), x509.ExtKeyUsageServerAuth, "", false},
	} {
		_, err := tc.cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: tc.host, KeyUsages: []x509.ExtKeyUsage{tc.use}, CurrentTime: day})
		if (err == nil) != tc.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	late := issue(t, a, Request{Name: "c", Kind: Client, Now: day.AddDate(9, 6, 0)})
	if late.NotAfter.After(c.NotAfter) {
		t.Error("a certificate outlasts its authority")
	}
}

// issueNone is the certificate of another authority.
func issueNone(t *testing.T) *x509.Certificate {
	t.Helper()
	a, err := NewAuthority(day)
	if err != nil {
		t.Fatal(err)
	}
	return a.cert
}

func TestRequestsThatAreRefused(t *testing.T) {
	a, err := NewAuthority(day)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"", "https://cloud.example", "cloud.example:9001", "a b", "-a", "a..b", strings.Repeat("a", 64), "cloud/x", "*", "a.*.b"} {
		if _, err := a.Issue(Request{Name: "s", Kind: Server, Hosts: []string{host}, Now: day}); err == nil {
			t.Errorf("a certificate was made for %q", host)
		}
	}
	for _, r := range []Request{{Name: "s", Kind: Server}, {Name: "s", Kind: "both", Hosts: []string{"a"}}} {
		if _, err := a.Issue(r); err == nil {
			t.Errorf("made %+v", r)
		}
	}
	f := Folder(t.TempDir())
	if err := f.Init([]string{"a"}, day, false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "ca", "../x", ".x", "a/b", strings.Repeat("a", 65)} {
		if err := f.Issue(Request{Name: name, Kind: Client, Now: day}, true); err == nil {
			t.Errorf("made %q", name)
		}
	}
}

func TestFolder(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "tls"))
	if err := f.Issue(Request{Name: "car", Kind: Client, Now: day}, false); err == nil || !strings.Contains(err.Error(), "agata tls init") {
		t.Errorf("without an authority: %v", err)
	}
	if err := f.Init([]string{"cloud.example"}, day, false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca", "server", "client"} {
		for path, want := range map[string]fs.FileMode{f.Key(name): 0o600, f.Cert(name): 0o644} {
			info, err := os.Stat(path)
			if err != nil || info.Mode() != want {
				t.Errorf("%s: %v, %v", path, info, err)
			}
		}
	}
	before, err := os.ReadFile(f.Cert("ca"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.Cert("client")); err != nil {
		t.Fatal(err)
	}
	if err := f.Init([]string{"cloud.example"}, day, false); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	after, err := os.ReadFile(f.Cert("ca"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the authority was replaced: %v", err)
	}
	if _, err := os.Stat(f.Cert("client")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a refused init wrote a file")
	}
	if err := f.Init([]string{"cloud.example"}, day, true); err != nil {
		t.Fatal(err)
	}
	if err := f.Issue(Request{Name: "car-7", Kind: Client, Now: day.AddDate(0, 0, -800)}, false); err != nil {
		t.Fatal(err)
	}
	if err := f.Issue(Request{Name: "car-7", Kind: Client, Now: day}, false); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	list, err := f.List(day)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, filepath.Base(e.File)+" "+e.Kind+" "+e.State)
	}
	if want := []string{"ca.pem authority ok", "car-7.pem client expires in 25 days", "client.pem client ok", "server.pem server ok"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if list, err = f.List(day.AddDate(20, 0, 0)); err != nil || list[0].State != "expired" {
		t.Errorf("in twenty years: %v, %v", list, err)
	}
	left, err := filepath.Glob(filepath.Join(string(f), ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

func TestParseAuthority(t *testing.T) {
	a, b := authorityPair(t), authorityPair(t)
	made, err := ParseAuthority(a)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := made.Issue(Request{Name: "s", Kind: Server, Hosts: []string{"h"}, Now: day})
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Pair{
		"another's key":   {a.Cert, b.Key},
		"a leaf":          leaf,
		"no certificate":  {nil, a.Key},
		"no key":          {a.Cert, nil},
		"key as cert":     {a.Key, a.Key},
		"cert as key":     {a.Cert, a.Cert},
		"broken":          {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), a.Key},
		"something small": {[]byte("x"), []byte("y")},
	} {
		if _, err := ParseAuthority(p); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func authorityPair(t testing.TB) Pair {
	t.Helper()
	a, err := NewAuthority(day)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Pair()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// FuzzParseAuthority: no file makes it panic, and what it takes certifies.
func FuzzParseAuthority(f *testing.F) {
	p := authorityPair(f)
	f.Add(p.Cert, p.Key)
	f.Add(p.Key, p.Cert)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), []byte{})
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		a, err := ParseAuthority(Pair{cert, key})
		if err != nil {
			return
		}
		if _, err := a.Issue(Request{Name: "c", Kind: Client, Now: day}); err != nil {
			t.Error(err)
		}
	})
}
