package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"github.com/agata-fl/agata/internal/config"
)

// suites are those of TLS 1.2 that keep what was said secret after a key is lost,
// and that authenticate what they encrypt; HTTP/2 wants no others. Those of TLS
// 1.3 are all like that.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// ServerConfig is what servers of an instance use, or nil where c names no
// certificate. It may be shared: who changes it clones it.
func ServerConfig(c config.TLS, log *slog.Logger) (*tls.Config, error) {
	if c.Cert == "" {
		return nil, nil
	}
	own, err := open("cert", c.Cert, c.Key, log)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites(),
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.current(), nil },
	}
	if c.RequireClientCert {
		if cfg.ClientCAs, err = authorities(c.CA); err != nil {
			return nil, err
		}
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
}

// ClientConfig is what an instance connects to others with; what it trusts are
// the authorities of c, or the system's. It may be shared: who changes it clones
// it.
func ClientConfig(c config.TLS, log *slog.Logger) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		var err error
		if cfg.RootCAs, err = authorities(c.CA); err != nil {
			return nil, err
		}
	}
	if c.ClientCert != "" {
		own, err := open("client_cert", c.ClientCert, c.ClientKey, log)
		if err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.current(), nil }
	}
	return cfg, nil
}

func authorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the authorities of tls.ca: %w", err)
	}
	certs, err := parseCerts(text)
	if err != nil {
		return nil, fmt.Errorf("read the authorities of tls.ca: %s: %w", path, err)
	}
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}
