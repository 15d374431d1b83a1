package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Explain puts [Advice] behind the error's own words; other errors stay as they are.
func Explain(err error) error {
	if advice := Advice(err); advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

// Advice says what to do about a connection that failed for want of trust, or "" for
// errors of another kind.
func Advice(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is of an authority that is not trusted here: put that authority's ca.pem at ca in section [tls] of config.ini, if it is the right server"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is not for the host " + e.Host + ": reach it by a host that the certificate names, or issue one that names this host (agata tls issue)"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "its certificate is not valid now: renew it there (agata tls issue), unless the clock of this machine is wrong"
		}
		return "its certificate is not good for this: a server's is issued with agata tls issue --kind server"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "it does not speak TLS: set cert and key in its section [tls], or write http instead of https here"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		switch text := e.Err.Error(); {
		case strings.Contains(text, "certificate required"):
			return "it wants a certificate: set client_cert and client_key in section [tls] of config.ini"
		case strings.Contains(text, "certificate"):
			return "it refuses the certificate of client_cert in section [tls] of config.ini: it must be of the authority at ca there, for clients (agata tls issue --kind client), and not expired"
		}
	}
	// Over HTTP/2 the refusal of a client's certificate may be lost with the connection.
	if err != nil && strings.Contains(err.Error(), "http2: client conn could not be established") {
		return "it hangs up at once, as one does that wants another certificate: see client_cert and client_key in section [tls] of config.ini"
	}
	return ""
}
