package cloudgateway

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/agata-fl/agata/internal/httpx"
)

// routes lists what the gateway answers. Beside the wire's functions, which keep
// its bare JSON, failures are problems as RFC 9457 has them.
func (s *Service) routes(allowedOrigins []string) (*http.ServeMux, error) {
	origins, err := crossOrigin(allowedOrigins)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	// The wire: POST and OPTIONS. Every method comes here, so that all get its
	// kind of answer.
	mux.Handle("/{function}", httpx.Chain(http.HandlerFunc(s.call), origins...))

	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	if s.gatherer != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(s.gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	}
	mux.HandleFunc("GET /api/v1/services", s.services)
	return mux, nil
}

// crossOrigin says which pages may call functions. A list of origins is enforced
// also for requests that a browser sends without asking first.
func crossOrigin(allowed []string) ([]httpx.Middleware, error) {
	if allowed == nil {
		return []httpx.Middleware{httpx.CORS("*")}, nil
	}
	guard := http.NewCrossOriginProtection()
	for _, origin := range allowed {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("cloudgateway: allowed origin %q: %w", origin, err)
		}
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusForbidden, "pages of this origin may not call functions: add it to the gateway's allowed origins")
	}))
	return []httpx.Middleware{httpx.CORS(allowed...), guard.Handler}, nil
}
