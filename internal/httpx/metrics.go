package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts requests in agata_http_requests_total{route,method,code} and
// times them in agata_http_request_duration_seconds{route,method}. The route is
// the mux's pattern, or "unmatched", and unusual methods are "other", so that
// clients cannot create series. Several servers may share a registry.
func Metrics(reg prometheus.Registerer) (Middleware, error) {
	requests, err := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "agata_http_requests_total",
		Help: "HTTP requests answered.",
	}, []string{"route", "method", "code"}))
	if err != nil {
		return nil, err
	}
	durations, err := register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "agata_http_request_duration_seconds",
		Help:    "Time from a request's headers to the end of its response.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route", "method"}))
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began, rec := time.Now(), &recorder{ResponseWriter: w}
			defer func() {
				route, method := routeLabel(r), methodLabel(r.Method)
				requests.WithLabelValues(route, method, strconv.Itoa(rec.code())).Inc()
				durations.WithLabelValues(route, method).Observe(time.Since(began).Seconds())
			}()
			next.ServeHTTP(rec, r)
		})
	}, nil
}

func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if c, ok := already.ExistingCollector.(C); ok {
			return c, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("register the http metrics: %w", err)
	}
	return c, nil
}

func routeLabel(r *http.Request) string {
	if r.Pattern == "" {
		return "unmatched"
	}
	return r.Pattern
}

func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
