package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// entered tells whether the audit log of the gateway has what a route does. What
// is forwarded is entered by the service that does it.
func (rt route) entered() bool {
	if rt.method == http.MethodGet || strings.HasPrefix(rt.path, "/tasks") {
		return false
	}
	switch rt.path {
	case "/criteria/check", "/revocations", "/clients/{client}/records":
		return false
	}
	return true
}

type subjectKey struct{}

// about notes what a request is about, where its path does not say it.
func about(r *http.Request, subject string) {
	if s, ok := r.Context().Value(subjectKey{}).(*string); ok {
		*s = subject
	}
}

// enter runs a handler and enters what came of it. Requests that are wrong in
// themselves, or too many, are nobody's deed: they would only fill the log.
func (a *API) enter(rt route, r *http.Request, handle func(*http.Request) error) error {
	if a.opt.Audit == nil || !rt.entered() {
		return handle(r)
	}
	var subject string
	r = r.WithContext(context.WithValue(r.Context(), subjectKey{}, &subject))
	err := handle(r)
	e := audit.Entry{Who: rpc.IdentityFrom(r.Context()), Action: rt.method + " " + rt.path, On: subject, Outcome: audit.OK, Trace: rpc.TraceFrom(r.Context()), Detail: "from " + r.RemoteAddr}
	for _, name := range []string{"name", "token", "client", "task"} {
		if v := r.PathValue(name); v != "" {
			e.On = strings.TrimSpace(e.On + " " + v)
		}
	}
	if err != nil {
		status, code := outcome(err)
		if status == http.StatusBadRequest || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
			return err
		}
		e.Outcome, e.Detail = code, e.Detail+": "+err.Error()
	}
	_ = a.opt.Audit.Append(e) // it has happened; what is missing is in the log, and in the next entry
	return err
}

// outcome is a failure's status and code.
func outcome(err error) (status int, code string) {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.status, f.code
	}
	if r, ok := errors.AsType[*guard.Refusal](err); ok {
		return r.Status, r.Code
	}
	c := rpc.CodeOf(err)
	return c.HTTPStatus(), string(c)
}
