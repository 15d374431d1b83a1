package api

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// Prefix is where the API begins.
const Prefix = "/api/v1"

// kind says what bounds a route.
type kind int

const (
	plain    kind = iota // an answer within the timeout
	mutation             // the same, with an Idempotency-Key
	stream               // no bound in time
	linked               // the same, for a client's downlink
)

// route is one operation of the API.
type route struct {
	method, path string // the path below Prefix, as a pattern of net/http
	grant        guard.Grant
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
	const anyone, viewer, operator, admin, client = guard.Anyone, guard.Viewer, guard.Operator, guard.Admin, guard.Client
	return []route{
		{"GET", "/overview", viewer, plain, a.overview, nil, 0},
		{"GET", "/services", viewer, plain, a.services, nil, 0},
		{"GET", "/schemas/{function}", viewer, plain, a.schema, nil, 0},

		{"GET", "/tasks", viewer, plain, a.listTasks, with(page, "state", "q", "order"), 0},
		{"POST", "/tasks", operator, mutation, a.createTask, nil, 0},
		{"GET", "/tasks/{id}", viewer, plain, a.showTask, nil, 0},
		{"PATCH", "/tasks/{id}", operator, plain, a.changeTask, nil, 0},
		{"DELETE", "/tasks/{id}", operator, plain, a.deleteTask, nil, 0},
		{"POST", "/tasks/{id}/start", operator, mutation, a.startTask, nil, 0},
		{"POST", "/tasks/{id}/stop", operator, mutation, a.stopTask, nil, 0},
		{"GET", "/tasks/{id}/files", viewer, plain, a.listFiles, nil, 0},
		{"GET", "/tasks/{id}/files/{path...}", viewer, stream, a.download, nil, 0},
		{"PUT", "/tasks/{id}/files/{path...}", operator, stream, a.upload, nil, a.opt.MaxFileBytes},
		{"POST", "/tasks/{id}/upload-ticket", operator, plain, a.uploadTicket, nil, 0}, // not remembered: it is a secret
		{"DELETE", "/tasks/{id}/files/{path...}", operator, plain, a.deleteFile, nil, 0},
		{"GET", "/tasks/{id}/logs", viewer, plain, a.logs, []string{"lines", "after"}, 0},
		{"GET", "/tasks/{id}/logs/live", viewer, stream, a.liveLogs, []string{"lines", "after"}, 0},
		{"GET", "/tasks/{id}/explain", viewer, plain, a.explain, []string{"client"}, 0},
		{"GET", "/tasks/{id}/clients", viewer, plain, a.taskClients, with(page, "q"), 0},
		{"GET", "/tasks/{id}/executions", viewer, plain, a.listExecutions, with(page, "client", "state", "side"), 0},
		{"GET", "/tasks/{id}/metrics", viewer, plain, a.metrics, []string{"points", "series", "execution", "client"}, 0},
		{"GET", "/tasks/{id}/timeline", viewer, plain, a.listEvents, with(with(page, without(filter, "task")...), "order"), 0},
		{"GET", "/revocations", viewer, plain, a.listRevocations, page, 0},
		{"POST", "/revocations", operator, mutation, a.revoke, nil, 0},
		{"POST", "/criteria/check", viewer, plain, a.checkCriteria, nil, 0},

		{"GET", "/clients", viewer, plain, a.listClients, with(page, "q"), 0},
		{"GET", "/clients/{client}", viewer, plain, a.showClient, nil, 0},
		{"GET", "/clients/{client}/executions", viewer, plain, a.listExecutions, with(page, "task", "state", "side"), 0},
		{"POST", "/clients/{client}/quarantine/{task}/release", operator, mutation, a.release, nil, 0},
		{"POST", "/clients/{client}/records", client, plain, a.takeRecords, nil, maxReport},
		{"GET", "/clients/{client}/downlink", client, linked, a.downlink, []string{"heartbeat"}, 0},
		{"GET", "/commands/{command}", viewer, plain, a.showCommand, nil, 0},

		{"GET", "/executions", viewer, plain, a.listExecutions, with(page, "task", "client", "state", "side"), 0},
		{"GET", "/executions/{execution}", viewer, plain, a.showExecution, nil, 0},
		{"GET", "/events", viewer, plain, a.listEvents, with(with(page, filter...), "order"), 0},
		{"GET", "/events.json", viewer, stream, a.exportEvents, filter, 0},
		{"GET", "/events/density", viewer, plain, a.density, with(filter, "by", "buckets", "lanes"), 0},
		{"GET", "/events/live", viewer, stream, a.liveEvents, []string{"task", "client", "after"}, 0},
		{"GET", "/live", viewer, stream, a.live, []string{"kinds", "task", "client", "after"}, 0},

		// Their answers may hold secrets, which the memory of a mutation must not keep.
		{"GET", "/session", anyone, plain, a.showSession, nil, 0},
		{"POST", "/session", anyone, plain, a.signIn, nil, 0},
		{"DELETE", "/session", anyone, plain, a.signOut, nil, 0},
		{"GET", "/operators", admin, plain, a.listOperators, nil, 0},
		{"POST", "/operators", admin, plain, a.addOperator, nil, 0},
		{"PATCH", "/operators/{name}", viewer, plain, a.changeOperator, nil, 0}, // one's own; others' as admin
		{"DELETE", "/operators/{name}", admin, plain, a.removeOperator, nil, 0},
		{"GET", "/tokens", viewer, plain, a.listTokens, nil, 0},
		{"POST", "/tokens", viewer, plain, a.newToken, nil, 0},
		{"DELETE", "/tokens/{token}", viewer, plain, a.revokeToken, nil, 0},
		{"POST", "/enrolments", operator, plain, a.newEnrolment, nil, 0},
		{"POST", "/enrol", anyone, plain, a.enrol, nil, 0},
		{"GET", "/clients/{client}/credential", viewer, plain, a.showCredential, nil, 0},
		{"DELETE", "/clients/{client}/credential", operator, plain, a.revokeCredential, nil, 0},
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
	switch {
	case rt.kind == stream:
		tokens = a.streams
	case rt.kind == linked:
		tokens = nil // a downlink takes its own, and may outlast the request
	case rt.grant == guard.Anyone && a.opt.Guard != nil:
		tokens = a.lobby
	}
	limit := rt.body
	if limit == 0 {
		limit = maxJSON
	}
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Before anything else is looked at: who may not know learns nothing.
		r, err := a.opt.Guard.Admit(r, rt.grant, r.PathValue("client"))
		if err != nil {
			a.fail(w, r, err)
			return
		}
		if tokens != nil {
			give, ok := take(tokens)
			if !ok {
				a.fail(w, r, unavailable("The gateway serves as many requests of this kind at once as it can.", "Try again in a moment."))
				return
			}
			defer give()
		}
		if rt.kind != stream && rt.kind != linked {
			leave, ok := a.large.Enter(w, r)
			if !ok {
				a.fail(w, r, unavailable("The gateway reads as many large bodies at once as it can.", "Try again in a moment, or send less than 64 KiB."))
				return
			}
			defer leave()
		}
		w.Header().Set("Cache-Control", "no-store")
		q, err := newParams(r, rt.query)
		if err == nil {
			err = a.enter(rt, r, func(r *http.Request) error {
				if rt.kind == mutation {
					return a.once(w, r, q, rt.handle)
				}
				return rt.handle(w, r, q)
			})
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
	if rt.kind != stream && rt.kind != linked {
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
