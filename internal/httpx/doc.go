// Package httpx provides the HTTP server that AGATA's services share: net/http
// with its listener bound before it serves, a deadline on everything, a bounded
// drain, and the middleware that every route needs.
//
// The middleware goes around the mux in this order, outermost first:
//
//	handler := httpx.Chain(mux,
//		httpx.Trace(), httpx.Metrics(reg), httpx.Log(log), httpx.Recover(log),
//		httpx.SecurityHeaders(), httpx.CORS("*"), httpx.LimitBody(1<<20))
//
// Metrics and Log read the route's pattern that the mux writes into the request;
// a middleware that copies the request, as Trace does, must stand outside them.
package httpx
