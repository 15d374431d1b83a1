package httpx

import (
	"crypto/tls"
	"net/http"
	"time"
)

// Secure makes a client's transport speak TLS by c, where URLs want it, and HTTP/2
// where the server can. nil leaves the system's authorities. Over HTTP/2 a request
// that times out leaves its connection to the next ones, so a silent connection is
// asked for a sign of life: a half-open one would be used until the kernel gives it
// up, a quarter of an hour later.
func Secure(t *http.Transport, c *tls.Config) *http.Transport {
	if c != nil {
		t.TLSClientConfig = c.Clone() // net/http adds its protocols
	}
	t.ForceAttemptHTTP2 = true
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
	return t
}
