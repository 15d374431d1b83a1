package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestAdvice(t *testing.T) {
	remote := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New(text)} }
	for _, tc := range []struct {
		err  error
		want string // "": none
	}{
		{nil, ""},
		{errors.New("connection refused"), ""},
		{remote("tls: internal error"), ""},
		{&net.OpError{Op: "read", Err: errors.New("certificate")}, ""},
		{x509.UnknownAuthorityError{}, "ca.pem"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "ca.pem"},
		{x509.HostnameError{Host: "cloud.example", Certificate: &x509.Certificate{}}, "cloud.example"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "renew it"},
		{x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}, "--kind server"},
		{tls.RecordHeaderError{}, "does not speak TLS"},
		{http.ErrSchemeMismatch, "does not speak TLS"},
		{remote("tls: certificate required"), "set client_cert"},
		{remote("tls: unknown certificate authority"), "--kind client"},
		{errors.New("http2: client conn could not be established"), "client_cert and client_key"},
	} {
		err := tc.err
		if err != nil {
			err = fmt.Errorf("ask: %w", err)
		}
		got := Advice(err)
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%v: %q", tc.err, got)
		}
		if said := Explain(err); !errors.Is(said, tc.err) || (said != err) != (tc.want != "") {
			t.Errorf("%v became %v", tc.err, said)
		}
	}
}
