package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// fault is a failure as its problem shows it.
type fault struct {
	status             int
	code, detail, hint string
	fields             map[string]string // what is wrong with each, by name
	retryAfter         string            // seconds, or ""
}

// Error returns the detail.
func (f *fault) Error() string { return f.detail }

func invalid(detail, hint string) *fault {
	return &fault{status: http.StatusBadRequest, code: "invalid", detail: detail, hint: hint}
}

func notFound(detail, hint string) *fault {
	return &fault{status: http.StatusNotFound, code: "not_found", detail: detail, hint: hint}
}

func conflict(detail, hint string) *fault {
	return &fault{status: http.StatusConflict, code: "conflict", detail: detail, hint: hint}
}

func unavailable(detail, hint string) *fault {
	return &fault{status: http.StatusServiceUnavailable, code: "unavailable", detail: detail, hint: hint, retryAfter: "1"}
}

// badFields is a request of which single fields are wrong.
func badFields(fields map[string]string) *fault {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = name + ": " + fields[name]
	}
	return &fault{status: http.StatusBadRequest, code: "invalid", detail: strings.Join(texts, "; "),
		hint: "Correct what is named and send it again.", fields: fields}
}

// hints say what to do about failures of a kind.
var hints = map[rpc.Code]string{
	rpc.Invalid:      "Correct what is named and send it again.",
	rpc.NotFound:     "GET the list that it would be in for what there is.",
	rpc.Conflict:     "Look how it stands now.",
	rpc.Unauthorized: "Try again with what is right.",
	rpc.Forbidden:    "Ask an admin.",
	rpc.Unavailable:  "See /readyz and /api/v1/services for what runs, then try again.",
	rpc.Deadline:     "Look whether it took effect before you try again.",
	rpc.Internal:     "Quote the correlation id when you report this; the service's log has the details.",
}

// faultOf puts any failure into the words of a problem.
func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	code := rpc.CodeOf(err)
	f := &fault{status: code.HTTPStatus(), code: string(code), detail: err.Error(), hint: hints[code]}
	if code == rpc.Unavailable {
		f.retryAfter = "1"
	}
	return f
}

// fail answers with the failure's problem.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		httpx.BodyProblem(w, r, tooLarge)
		return
	}
	if refusal, ok := errors.AsType[*guard.Refusal](err); ok {
		refusal.Problem(w, r)
		return
	}
	f := faultOf(err)
	if f.status >= http.StatusInternalServerError {
		level := slog.LevelWarn
		if r.Context().Err() != nil && !errors.Is(r.Context().Err(), context.DeadlineExceeded) { // the caller is gone
			level = slog.LevelDebug
		}
		a.log.Log(r.Context(), level, "a request failed", "method", r.Method, "path", r.URL.Path, "code", f.code, "err", err)
	}
	if a.opt.HideErrors && f.status == http.StatusInternalServerError {
		f.detail = contract.HiddenError
	}
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", guard.Challenge)
	}
	if f.retryAfter != "" {
		w.Header().Set("Retry-After", f.retryAfter)
	}
	httpx.FieldsProblem(w, r, f.status, f.code, f.detail, f.hint, f.fields)
}
