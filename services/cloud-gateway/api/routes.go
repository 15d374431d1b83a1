package api

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
)

// Prefix is where the API begins.
const Prefix = "/api/v1"

// kind says what bounds a route.
type kind int

const (
	plain    kind = iota // an answer within the timeout
	mutation             // the same, with an Idempotency-Key
	stream               // no bound in time
)

// route is one operation of the API.
type route struct {
	method, path string // the path below Prefix, as a pattern of net/http
	kind         kind
	handle       func(w http.ResponseWriter, r *http.Request, q *params) error
	query        []string // the parameters that it takes
	body         int64    // bytes at most; 0: maxJSON
}

func (a *API) routes() []route {
	page := []string{"limit", "cursor"}
	filter := []string{"task", "client", "execution", "service", "function", "q", "from", "to"}
	with := func(names []string, more ...string) []string { return slices.Concat(more, names) }
	without := func(names []string, name string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == name })
	}
	return []route{
		{"GET", "/overview", plain, a.overview, nil, 0},
		{"GET", "/services", plain, a.services, nil, 0},
		{"GET", "/schemas/{function}", plain, a.schema, nil, 0},

		{"GET", "/tasks", plain, a.listTasks, with(page, "state", "q", "order"), 0},
		{"POST", "/tasks", mutation, a.createTask, nil, 0},
		{"GET", "/tasks/{id}", plain, a.showTask, nil, 0},
		{"PATCH", "/tasks/{id}", plain, a.changeTask, nil, 0},
		{"DELETE", "/tasks/{id}", plain, a.deleteTask, nil, 0},
		{"POST", "/tasks/{id}/start", mutation, a.startTask, nil, 0},
		{"POST", "/tasks/{id}/stop", mutation, a.stopTask, nil, 0},
		{"GET", "/tasks/{id}/files", plain, a.listFiles, nil, 0},
		{"GET", "/tasks/{id}/files/{path...}", stream, a.download, nil, 0},
		{"PUT", "/tasks/{id}/files/{path...}", stream, a.upload, nil, a.opt.MaxFileBytes},
		{"DELETE", "/tasks/{id}/files/{path...}", plain, a.deleteFile, nil, 0},
		{"GET", "/tasks/{id}/logs", plain, a.logs, []string{"lines", "after"}, 0},
		{"GET", "/tasks/{id}/logs/live", stream, a.liveLogs, []string{"lines", "after"}, 0},
		{"GET", "/tasks/{id}/explain", plain, a.explain, []string{"client"}, 0},
		{"GET", "/tasks/{id}/clients", plain, a.taskClients, with(page, "q"), 0},
		{"GET", "/tasks/{id}/executions", plain, a.listExecutions, with(page, "client", "state", "side"), 0},
		{"GET", "/tasks/{id}/metrics", plain, a.metrics, []string{"points", "series", "execution", "client"}, 0},
		{"GET", "/tasks/{id}/timeline", plain, a.listEvents, with(with(page, without(filter, "task")...), "order"), 0},
		{"GET", "/revocations", plain, a.listRevocations, page, 0},
		{"POST", "/revocations", mutation, a.revoke, nil, 0},
		{"POST", "/criteria/check", plain, a.checkCriteria, nil, 0},

		{"GET", "/clients", plain, a.listClients, with(page, "q"), 0},
		{"GET", "/clients/{client}", plain, a.showClient, nil, 0},
		{"GET", "/clients/{client}/executions", plain, a.listExecutions, with(page, "task", "state", "side"), 0},
		{"POST", "/clients/{client}/quarantine/{task}/release", mutation, a.release, nil, 0},
		{"POST", "/clients/{client}/records", plain, a.takeRecords, nil, maxReport},
		{"GET", "/commands/{command}", plain, a.showCommand, nil, 0},

		{"GET", "/executions", plain, a.listExecutions, with(page, "task", "client", "state", "side"), 0},
		{"GET", "/executions/{execution}", plain, a.showExecution, nil, 0},
		{"GET", "/events", plain, a.listEvents, with(with(page, filter...), "order"), 0},
		{"GET", "/events.json", stream, a.exportEvents, filter, 0},
		{"GET", "/events/density", plain, a.density, with(filter, "by", "buckets", "lanes"), 0},
		{"GET", "/events/live", stream, a.liveEvents, []string{"task", "client", "after"}, 0},
		{"GET", "/live", stream, a.live, []string{"kinds", "task", "client", "after"}, 0},
	}
}

// newMux registers the routes and, for what is no route, the problems.
func (a *API) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for _, rt := range a.routes() {
		mux.Handle(rt.method+" "+Prefix+rt.path, a.serve(rt))
		allowed[rt.path] = append(allowed[rt.path], rt.method)
		if rt.method == http.MethodGet {
			allowed[rt.path] = append(allowed[rt.path], http.MethodHead)
		}
	}
	for path, methods := range allowed {
		slices.Sort(methods)
		allow := strings.Join(methods, ", ")
		mux.HandleFunc(Prefix+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			httpx.Problem(w, r, http.StatusMethodNotAllowed, "method_not_allowed",
				r.Method+" is not what this resource takes.", "Use "+allow+".")
		})
	}
	for _, rest := range []string{"/api", "/api/"} {
		mux.HandleFunc(rest, func(w http.ResponseWriter, r *http.Request) {
			httpx.Problem(w, r, http.StatusNotFound, "not_found", "There is nothing at "+r.URL.Path+".", "/openapi.yaml lists what there is.")
		})
	}
	return mux
}

// ServeHTTP answers every path below /api.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A mux would answer with a redirection, which drops or repeats bodies.
	if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path {
		httpx.Problem(w, r, http.StatusNotFound, "not_found", "There is nothing at "+r.URL.Path+".", "Write the path as "+clean+".")
		return
	}
	a.mux.ServeHTTP(w, r)
}

// serve puts around a route what its kind needs.
func (a *API) serve(rt route) http.Handler {
	tokens := a.requests
	if rt.kind == stream {
		tokens = a.streams
	}
	limit := rt.body
	if limit == 0 {
		limit = maxJSON
	}
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		give, ok := take(tokens)
		if !ok {
			a.fail(w, r, unavailable("The gateway serves as many requests of this kind at once as it can.", "Try again in a moment."))
			return
		}
		defer give()
		w.Header().Set("Cache-Control", "no-store")
		q, err := newParams(r, rt.query)
		switch {
		case err != nil:
		case rt.kind == mutation:
			err = a.once(w, r, q, rt.handle)
		default:
			err = rt.handle(w, r, q)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
	if rt.kind != stream {
		h = httpx.Deadlines(a.opt.Timeout, a.opt.Timeout+time.Minute)(bounded(h, a.opt.Timeout))
	}
	return httpx.LimitBody(limit)(h)
}

// bounded ends a request's context after a time. It leaves the request's route
// readable for the middleware around it.
func bounded(next http.Handler, timeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
