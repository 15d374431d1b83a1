package httpx

import (
	"net/http"
	"slices"
)

// CORS lets pages of other origins call the server: of any origin when the only
// one is "*", else of exactly the given ones, such as "https://ops.example".
// Credentials are never allowed. OPTIONS requests are answered here, as peers
// also send them without an Origin.
func CORS(origins ...string) Middleware {
	anyone := slices.Equal(origins, []string{"*"})
	headers := "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Range, Traceparent"
	if anyone {
		headers = "*, Authorization" // the star does not cover this one
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			origin, h := r.Header.Get("Origin"), w.Header()
			allowed := ""
			if anyone {
				allowed = "*"
			} else {
				h.Add("Vary", "Origin")
				if origin != "" && origin != "*" && slices.Contains(origins, origin) {
					allowed = origin
				}
			}
			if allowed != "" {
				h.Set("Access-Control-Allow-Origin", allowed)
				h.Set("Access-Control-Expose-Headers", CorrelationHeader+", ETag, Idempotent-Replayed, Location, Retry-After, WWW-Authenticate")
			}
			if r.Method != http.MethodOptions {
				next.ServeHTTP(w, r)
				return
			}
			if allowed != "" {
				h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
				h.Set("Access-Control-Allow-Headers", headers)
				h.Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
}
