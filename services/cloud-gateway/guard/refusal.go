package guard

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Challenge is the WWW-Authenticate of an answer 401.
const Challenge = `Bearer realm="agata"`

// Refusal is why a request is not served.
type Refusal struct {
	Status       int
	Code         string // of the problem
	Detail, Hint string
	RetryAfter   string // seconds, or ""
}

// Error returns the detail.
func (f *Refusal) Error() string { return f.Detail }

// WireCode is the refusal among the codes that calls have.
func (f *Refusal) WireCode() rpc.Code {
	if f.Status == http.StatusTooManyRequests {
		return rpc.Unavailable
	}
	return rpc.Code(f.Code)
}

// Header sets the headers that belong to the refusal.
func (f *Refusal) Header(h http.Header) {
	if f.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", Challenge)
	}
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
	}
}

// Problem answers with the refusal.
func (f *Refusal) Problem(w http.ResponseWriter, r *http.Request) {
	f.Header(w.Header())
	httpx.Problem(w, r, f.Status, f.Code, f.Detail, f.Hint)
}

const signInHint = "Sign in at the console, by POST /api/v1/session or with `agata login`, or send a token as Authorization: Bearer."

// unknown refuses who is nobody.
func unknown(why error) *Refusal {
	f := &Refusal{Status: http.StatusUnauthorized, Code: string(rpc.Unauthorized), Detail: "This cloud asks for credentials, and none were shown.", Hint: signInHint}
	switch {
	case why == nil:
	case rpc.CodeOf(why) == rpc.Unauthorized:
		f.Detail = "The credentials are not valid, or not any more."
	default:
		return &Refusal{Status: http.StatusServiceUnavailable, Code: string(rpc.Unavailable), Detail: "The gateway cannot look up who you are: " + why.Error() + ".",
			Hint: "Try again in a moment; the gateway's data folder may be full or not readable.", RetryAfter: "1"}
	}
	return f
}

// forbidden refuses who may not do this.
func forbidden(detail, hint string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Code: string(rpc.Forbidden), Detail: detail, Hint: hint}
}

func tooMany(detail string, wait time.Duration) *Refusal {
	seconds := strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
	return &Refusal{Status: http.StatusTooManyRequests, Code: "too_many_requests", Detail: detail, Hint: "Try again in " + seconds + " s.", RetryAfter: seconds}
}
