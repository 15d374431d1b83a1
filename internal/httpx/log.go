package httpx

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/agata-fl/agata/internal/obs"
)

// Log writes a line for each answered request: info, or warn from status 500 on.
func Log(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began, rec := time.Now(), &recorder{ResponseWriter: w}
			defer func() {
				level := slog.LevelInfo
				if rec.code() >= 500 {
					level = slog.LevelWarn
				}
				log.LogAttrs(r.Context(), level, "http request",
					slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("route", r.Pattern),
					slog.Int("status", rec.code()), slog.Int64("bytes", rec.bytes), slog.Duration("duration", time.Since(began)),
					slog.String("remote", r.RemoteAddr), slog.String("correlation_id", obs.TraceFrom(r.Context()).TraceID()))
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

// Recover answers a handler's panic with 500 and logs it with its stack. When a
// part of the response is out already the connection is broken off, so that the
// client cannot take the part for the whole.
func Recover(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := &recorder{ResponseWriter: w}
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if p == http.ErrAbortHandler { // a handler's way to break off
					panic(p)
				}
				r = withCorrelation(w, r)
				log.LogAttrs(r.Context(), slog.LevelError, "http handler panicked",
					slog.Any("panic", p), slog.String("method", r.Method), slog.String("route", r.Pattern),
					slog.String("correlation_id", correlationID(r)), slog.String("stack", string(debug.Stack())))
				if rec.status != 0 {
					panic(http.ErrAbortHandler)
				}
				Problem(w, r, http.StatusInternalServerError, "internal", "The request could not be served.",
					"Quote the correlation id when you report this.")
			}()
			next.ServeHTTP(rec, r)
		})
	}
}
