package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/config"
)

// Entry is a certificate, as people look at it.
type Entry struct {
	File    string    `json:"file"`
	Kind    string    `json:"kind"` // authority, server, client, or server+client
	Name    string    `json:"name"`
	By      string    `json:"by"` // who certified it
	Hosts   []string  `json:"hosts"`
	Until   time.Time `json:"until"`
	State   string    `json:"state"`             // ok, or what is wrong
	Setting string    `json:"setting,omitempty"` // that names the file
}

func describe(file string, cert *x509.Certificate, now time.Time) Entry {
	e := Entry{File: file, Name: cert.Subject.CommonName, By: cert.Issuer.CommonName, Hosts: slices.Clone(cert.DNSNames), Until: cert.NotAfter, State: "ok"}
	for _, ip := range cert.IPAddresses {
		e.Hosts = append(e.Hosts, ip.String())
	}
	var kinds []string
	if cert.IsCA {
		kinds = append(kinds, "authority")
	}
	if slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		kinds = append(kinds, string(Server))
	}
	if slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		kinds = append(kinds, string(Client))
	}
	e.Kind = strings.Join(kinds, "+")
	switch {
	case now.After(cert.NotAfter):
		e.State = "expired"
	case now.Before(cert.NotBefore):
		e.State = "not valid yet"
	case now.Add(Soon).After(cert.NotAfter):
		e.State = fmt.Sprintf("expires in %d days", int(cert.NotAfter.Sub(now).Hours()/24))
	}
	return e
}

// List describes the certificates of a folder, its authority first.
func (f Folder) List(now time.Time) ([]Entry, error) {
	paths, err := filepath.Glob(f.Cert("*"))
	if err != nil {
		return nil, fmt.Errorf("look for certificates: %w", err)
	}
	var authority *x509.Certificate
	list := []Entry{}
	slices.SortFunc(paths, func(a, b string) int {
		if ca := f.Cert(AuthorityName); (a == ca) != (b == ca) {
			if a == ca {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a certificate: %w", err)
		}
		certs, err := parseCerts(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		e := describe(path, certs[0], now)
		switch {
		case path == f.Cert(AuthorityName):
			authority = certs[0]
		case e.State == "ok" && authority != nil && certs[0].CheckSignatureFrom(authority) != nil:
			e.State = "of another authority"
		}
		list = append(list, e)
	}
	return list, nil
}

// Check describes every certificate that the section [tls] names. The error joins
// what keeps one from being used.
func Check(c config.TLS, now time.Time) ([]Entry, error) {
	var list []Entry
	var errs []error
	look := func(setting, cert, key string) {
		if cert == "" {
			return
		}
		s, err := open(setting, cert, key, slog.New(slog.DiscardHandler))
		if err != nil {
			errs = append(errs, err)
			return
		}
		e := describe(cert, s.pair.Leaf, now)
		e.Setting = "tls." + setting
		list = append(list, e)
	}
	look("cert", c.Cert, c.Key)
	look("client_cert", c.ClientCert, c.ClientKey)
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		var certs []*x509.Certificate
		if err == nil {
			certs, err = parseCerts(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read the authorities of tls.ca: %w", err))
		}
		for _, cert := range certs {
			e := describe(c.CA, cert, now)
			e.Setting = "tls.ca"
			list = append(list, e)
		}
	}
	return list, errors.Join(errs...)
}
