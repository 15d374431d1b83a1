package cloudgateway

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// routes lists what the gateway answers. Beside the wire's functions, which keep
// its bare JSON, failures are problems as RFC 9457 has them.
func (s *Service) routes() (*http.ServeMux, error) {
	wire, own, err := crossOrigin(s.opt.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	// The wire: POST and OPTIONS. Every method comes here, so that all get its
	// kind of answer, but for what only a browser asks for.
	call := httpx.Chain(http.HandlerFunc(s.call), wire...)
	mux.Handle("/{function}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reads(r) && !functionName.MatchString(r.PathValue("function")) {
			s.console.ServeHTTP(w, r)
			return
		}
		call.ServeHTTP(w, r)
	}))
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.metrics())
	mux.Handle("GET /openapi.yaml", httpx.Gzip()(http.HandlerFunc(s.openAPI)))

	served := httpx.Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.api.ServeHTTP(w, r) }), append(own, httpx.Gzip())...)
	mux.Handle("/api", served)
	mux.Handle("/api/", served)
	mux.Handle("/", s.console)
	return mux, nil
}

// metrics answers with the metrics, if somebody gathers them.
func (s *Service) metrics() http.Handler {
	if s.opt.Gatherer == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpx.Problem(w, r, http.StatusNotFound, "not_found", "This gateway gathers no metrics.", "")
		})
	}
	metrics := promhttp.HandlerFor(s.opt.Gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := s.guard.Admit(r, guard.Viewer, "")
		if refusal, ok := errors.AsType[*guard.Refusal](err); ok {
			refusal.Problem(w, r)
			return
		}
		metrics.ServeHTTP(w, r)
	})
}

func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// crossOrigin says which pages of other origins may call functions, and which may
// use the API. A list of origins is enforced also for requests that a browser
// sends without asking first. Peers expect that any page may call functions; the
// API is then for the gateway's own pages alone.
func crossOrigin(allowed []string) (wire, own []httpx.Middleware, err error) {
	if own, err = guarded(allowed, func(w http.ResponseWriter, r *http.Request) {
		httpx.Problem(w, r, http.StatusForbidden, "forbidden", "Pages of this origin may not do that.", "Add it to the gateway's allowed origins.")
	}); err != nil {
		return nil, nil, err
	}
	if allowed == nil {
		return []httpx.Middleware{httpx.CORS("*")}, own, nil
	}
	wire, err = guarded(allowed, func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusForbidden, "pages of this origin may not call functions: add it to the gateway's allowed origins")
	})
	return wire, own, err
}

func guarded(allowed []string, deny http.HandlerFunc) ([]httpx.Middleware, error) {
	guard := http.NewCrossOriginProtection()
	for _, origin := range allowed {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("cloudgateway: allowed origin %q: %w", origin, err)
		}
	}
	guard.SetDenyHandler(deny)
	return []httpx.Middleware{httpx.CORS(allowed...), guard.Handler}, nil
}
