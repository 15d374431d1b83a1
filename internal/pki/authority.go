package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	// backdate makes certificates good where the clock is behind.
	backdate = 24 * time.Hour
	// authorityFor is how long an authority lasts, and leafFor what it certifies.
	authorityFor = 3652 * 24 * time.Hour
	leafFor      = 825 * 24 * time.Hour
)

// Kind says what a certificate is shown for.
type Kind string

// The kinds.
const (
	Server Kind = "server" // by a server, to whoever connects
	Client Kind = "client" // by who connects, to a server that asks
)

// Pair is a certificate with its private key, both in PEM.
type Pair struct{ Cert, Key []byte }

// Authority certifies. Who trusts its certificate trusts all that it certified.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes a private authority, which lasts ten years from now and
// certifies no further authorities.
func NewAuthority(now time.Time) (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	// Two authorities of one name confuse those who read certificates.
	var tag [3]byte
	if _, err := rand.Read(tag[:]); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: fmt.Sprintf("AGATA private authority %x", tag)},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityFor),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLen: 0, MaxPathLenZero: true,
	}
	cert, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, key: key}, nil
}

// ParseAuthority reads an authority that [Authority.Pair] wrote.
func ParseAuthority(p Pair) (*Authority, error) {
	certs, err := parseCerts(p.Cert)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(p.Key)
	if err != nil {
		return nil, err
	}
	switch a := certs[0]; {
	case !a.IsCA:
		return nil, errors.New("its certificate is not that of an authority")
	case !key.PublicKey.Equal(a.PublicKey):
		return nil, errors.New("its key does not belong to its certificate")
	default:
		return &Authority{cert: a, key: key}, nil
	}
}

// Pair returns the authority in PEM.
func (a *Authority) Pair() (Pair, error) { return pair(a.cert, a.key) }

// Request says what to certify.
type Request struct {
	Name  string // shown to people
	Kind  Kind
	Hosts []string // names and addresses that a server is reached by
	Now   time.Time
	For   time.Duration // 825 days if zero; never longer than the authority lasts
}

// Issue makes a key and certifies it.
func (a *Authority) Issue(r Request) (Pair, error) {
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	if r.For == 0 {
		r.For = leafFor
	}
	end := r.Now.Add(r.For)
	if end.After(a.cert.NotAfter) {
		end = a.cert.NotAfter
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: r.Name},
		NotBefore: r.Now.Add(-backdate), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if r.For < 0 { // a certificate that has ended, for tests and drills
		template.NotBefore = end.Add(-backdate)
	}
	switch r.Kind {
	case Server:
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if len(r.Hosts) == 0 {
			return Pair{}, errors.New("a server's certificate needs the hosts that it is reached by")
		}
	case Client:
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		return Pair{}, fmt.Errorf("a certificate's kind is %s or %s, not %q", Server, Client, r.Kind)
	}
	for _, host := range r.Hosts {
		if err := addHost(template, host); err != nil {
			return Pair{}, err
		}
	}
	cert, err := sign(template, a.cert, key, a.key)
	if err != nil {
		return Pair{}, err
	}
	return pair(cert, key)
}

// Local are the hosts by which every server is reached from its own machine.
func Local() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// addHost puts a name or an address among those of a certificate, once.
func addHost(cert *x509.Certificate, host string) error {
	if ip := net.ParseIP(host); ip != nil {
		if !slices.ContainsFunc(cert.IPAddresses, ip.Equal) {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		}
		return nil
	}
	if !validHost(strings.TrimPrefix(host, "*.")) {
		return fmt.Errorf("%q is neither a host's name nor an address: write it without scheme, port and path", host)
	}
	if host = strings.ToLower(host); !slices.Contains(cert.DNSNames, host) {
		cert.DNSNames = append(cert.DNSNames, host)
	}
	return nil
}

// validHost tells names that can be looked up; underlines occur among containers.
func validHost(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// sign certifies key; the serial number is a random one.
func sign(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func pair(cert *x509.Certificate, key *ecdsa.PrivateKey) (Pair, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("write a key: %w", err)
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	}, nil
}

// parseCerts reads every certificate of a PEM text; there is at least one.
func parseCerts(text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for len(text) > 0 {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a certificate in it cannot be read: %w", err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return certs, nil
}

func parseKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it holds no private key in PEM (PKCS #8)")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("its private key cannot be read: %w", err)
	}
	own, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("its private key is a %T, not one that agata tls init makes", key)
	}
	return own, nil
}
