package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/agata-fl/agata/pkg/rpc"
)

// maxProblem bounds what is read of a failure, in bytes.
const maxProblem = 256 << 10

// Problem is a failure as the gateway tells it (RFC 9457). It is the cause of the
// [rpc.Error] that calls return.
type Problem struct {
	Status        int               `json:"status"` // of HTTP
	Code          string            `json:"code"`   // one of [rpc.Code], mostly
	Detail        string            `json:"detail"` // what was wrong
	Hint          string            `json:"hint"`   // what to do
	Fields        map[string]string `json:"fields"` // what is wrong with a field of the request, by name
	CorrelationID string            `json:"correlation_id"`

	busy bool // the same request is under way
}

// Error says what was wrong, which field, and what to do about it.
func (p *Problem) Error() string {
	text := sentence(p.Detail)
	for _, word := range []string{"The ", "There ", "This "} { // whole sentences, not the wire's texts
		if strings.HasPrefix(text, word) {
			text = lower(text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		if said := sentence(p.Fields[name]); !strings.Contains(text, said) {
			text += "; " + name + ": " + said
		}
	}
	if p.Hint != "" {
		text += "; " + lower(sentence(p.Hint))
	}
	if p.Status >= http.StatusInternalServerError && p.CorrelationID != "" {
		text += " (correlation id " + p.CorrelationID + ")"
	}
	return text
}

func sentence(text string) string { return strings.TrimSuffix(strings.TrimSpace(text), ".") }

// lower joins a sentence to another: its first word gets a small letter unless it
// is a name in capitals, such as HTTP.
func lower(text string) string {
	if len(text) > 1 && 'A' <= text[0] && text[0] <= 'Z' && 'a' <= text[1] && text[1] <= 'z' {
		return strings.ToLower(text[:1]) + text[1:]
	}
	return text
}

// refused turns an answer that is a failure into an error.
func (c *Client) refused(r request, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem)) // what came has to do
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	p := &Problem{}
	if kind == "application/problem+json" && json.Unmarshal(body, p) == nil && p.Detail != "" {
		p.Status = resp.StatusCode
		p.busy = p.Status == http.StatusConflict && resp.Header.Get("Retry-After") != ""
		return &rpc.Error{Code: p.code(), Message: p.Error(), Err: p}
	}
	what := fmt.Sprintf("the gateway at %s answered %s %s with %s", c.base, r.method, r.path, resp.Status)
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed {
		return rpc.Errorf(rpc.Unavailable, "%s: it is older than this command line, or something else listens there", what)
	}
	return rpc.Errorf(codeOf(resp.StatusCode), "%s: %.200q", what, body)
}

// code is the problem's own if it is one of ours, else that of its status.
func (p *Problem) code() rpc.Code {
	switch code := rpc.Code(p.Code); code {
	case rpc.Invalid, rpc.NotFound, rpc.Conflict, rpc.Unauthorized, rpc.Forbidden, rpc.Unavailable, rpc.Deadline, rpc.Internal:
		return code
	}
	return codeOf(p.Status)
}

func codeOf(status int) rpc.Code {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return rpc.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return rpc.Conflict
	case http.StatusUnauthorized:
		return rpc.Unauthorized
	case http.StatusForbidden:
		return rpc.Forbidden
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable:
		return rpc.Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return rpc.Deadline
	}
	switch {
	case status >= 500:
		return rpc.Internal
	case status >= 400:
		return rpc.Invalid
	}
	return rpc.Unavailable
}
