package httpx

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/agata-fl/agata/internal/obs"
)

// problem is an RFC 9457 body. Its type is "about:blank", so that the title is
// the status's; code tells the cases apart.
type problem struct {
	Type          string `json:"type"`
	Title         string `json:"title"`
	Status        int    `json:"status"`
	Code          string `json:"code"`
	Detail        string `json:"detail,omitempty"`
	Hint          string `json:"hint,omitempty"`
	CorrelationID string `json:"correlation_id"`
	// Fields says what is wrong with single fields of the request, by name.
	Fields map[string]string `json:"fields,omitempty"`
}

// Problem answers with application/problem+json: a status, a code for programs
// ("not_found"), a detail that says what was wrong and a hint that says what to
// do (either may be empty), and the request's correlation id, which is the id of
// its trace.
func Problem(w http.ResponseWriter, r *http.Request, status int, code, detail, hint string) {
	FieldsProblem(w, r, status, code, detail, hint, nil)
}

// FieldsProblem is [Problem] with what is wrong with single fields of the request,
// by name, so that a form can say it beside each.
func FieldsProblem(w http.ResponseWriter, r *http.Request, status int, code, detail, hint string, fields map[string]string) {
	r = withCorrelation(w, r)
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Code: code, Detail: detail, Hint: hint, CorrelationID: correlationID(r), Fields: fields,
	})
	if err != nil { // cannot happen with strings and a number
		panic(err)
	}
	h := w.Header()
	h.Del("Content-Length") // of the body that the handler meant to send
	h.Del("Content-Encoding")
	h.Del("Etag")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
	}
}

// BodyProblem answers a failure to read a request's body: 413 for one beyond
// LimitBody, 408 for one that came too slowly, else 400.
func BodyProblem(w http.ResponseWriter, r *http.Request, err error) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		Problem(w, r, http.StatusRequestEntityTooLarge, "too_large",
			fmt.Sprintf("The request's body is larger than %d bytes.", tooLarge.Limit), "Send less.")
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		Problem(w, r, http.StatusRequestTimeout, "timeout", "The request's body did not arrive in time.", "Send it again.")
		return
	}
	Problem(w, r, http.StatusBadRequest, "invalid", "The request's body cannot be read: "+err.Error(), "")
}

// withCorrelation makes sure that the request has a trace, also where Trace does
// not run.
func withCorrelation(w http.ResponseWriter, r *http.Request) *http.Request {
	if !obs.TraceFrom(r.Context()).IsZero() {
		return r
	}
	parent, _ := obs.ParseTraceparent(r.Header.Get(obs.TraceHeader))
	r = r.WithContext(obs.ContextWithTrace(r.Context(), parent.Child()))
	w.Header().Set(CorrelationHeader, correlationID(r))
	return r
}

func correlationID(r *http.Request) string { return obs.TraceFrom(r.Context()).TraceID() }
