package httpx

import (
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/obs"
)

// Middleware wraps a handler.
type Middleware func(http.Handler) http.Handler

// Chain wraps h so that the first middleware is the outermost.
func Chain(h http.Handler, chain ...Middleware) http.Handler {
	for i := len(chain) - 1; i >= 0; i-- {
		h = chain[i](h)
	}
	return h
}

// CorrelationHeader names the response header with the id that also appears in
// problems and logs.
const CorrelationHeader = "X-Correlation-Id"

// Trace puts a W3C trace into the request's context: a child of the one that the
// client sent, or a new one. The response names it in CorrelationHeader.
func Trace() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			parent, _ := obs.ParseTraceparent(r.Header.Get(obs.TraceHeader)) // a bad one counts as none
			t := parent.Child()
			w.Header().Set(CorrelationHeader, t.TraceID())
			next.ServeHTTP(w, r.WithContext(obs.ContextWithTrace(r.Context(), t)))
		})
	}
}

// LimitBody bounds request bodies, in bytes. A body that declares a greater
// length is answered with 413 at once; reading beyond the bound of another fails
// with *http.MaxBytesError, which BodyProblem answers. Of two bounds around a
// route the smaller holds, so a large one goes around its route alone.
func LimitBody(limit int64) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > limit {
				w.Header().Set("Connection", "close") // the body is not going to be read
				BodyProblem(w, r, &http.MaxBytesError{Limit: limit})
				return
			}
			// In place: a copy of the request would hide the route's pattern from Log and Metrics.
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			next.ServeHTTP(w, r)
		})
	}
}

// Deadlines replaces the server's read and write timeouts for a route whose
// transfers take longer, counted from the beginning of the handler; 0 removes
// the timeout, for streams.
func Deadlines(read, write time.Duration) Middleware {
	at := func(d time.Duration) time.Time {
		if d == 0 {
			return time.Time{}
		}
		return time.Now().Add(d)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// A writer without deadlines is a test's recorder; it never blocks.
			c := http.NewResponseController(w)
			if r.ContentLength != 0 { // without a body, net/http reads on to notice that the client left: that must not time out
				_ = c.SetReadDeadline(at(read))
			}
			_ = c.SetWriteDeadline(at(write))
			next.ServeHTTP(w, r)
		})
	}
}

// SecurityHeaders sets the headers that keep a browser from doing more with a
// response than it should. A handler may set its own before it writes.
func SecurityHeaders() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			next.ServeHTTP(w, r)
		})
	}
}
