package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/agata-fl/agata/pkg/contract"
)

// maxJSON bounds bodies, in bytes, unless their route says otherwise.
const maxJSON = 1 << 20

// object is a JSON object whose fields are not looked at yet.
type object map[string]json.RawMessage

// readObject reads a body, which must be one JSON object; none counts as {}.
func readObject(r *http.Request) (object, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return object{}, nil
	}
	if !utf8.Valid(body) {
		return nil, invalid("The body is not UTF-8.", "Encode it as UTF-8.")
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		why := "it is something else"
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			why = syntax.Error()
		}
		return nil, invalid("The body is not a JSON object: "+why+".", `Send one such as {"name": "value"}.`)
	}
	return o, nil
}

// readBody reads a body that should be JSON.
func readBody(r *http.Request) ([]byte, error) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		media, _, err := mime.ParseMediaType(kind)
		if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
			return nil, &fault{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type",
				detail: "The body is declared as " + kind + ", and must be JSON.", hint: "Send it with Content-Type: application/json."}
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, &fault{status: http.StatusRequestTimeout, code: "timeout", detail: "The request's body did not arrive in time.", hint: "Send it again."}
		}
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooLarge
		}
		return nil, invalid("The body cannot be read: "+err.Error(), "Send it again.")
	}
	return body, nil
}

// checked encodes an object as the request of a function and holds it against
// the function's schema. What callers may not set, since the path or a header
// says it, is refused as if it were unknown.
func (a *API) checked(fn string, o object, set map[string]any) ([]byte, error) {
	for name := range set {
		if _, ok := o[name]; ok {
			return nil, badFields(map[string]string{name: "is not a field of this request"})
		}
	}
	for name, value := range set {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		o[name] = raw
	}
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	faults, err := a.opt.Schemas.Faults(fn, body)
	if err != nil {
		return nil, invalid(err.Error(), "")
	}
	if len(faults) == 0 {
		return body, nil
	}
	// A path that fits no task is no task.
	if why, ok := faults["task_id"]; ok && set["task_id"] != nil {
		return nil, notFound("There can be no such task: its id "+why+".", "GET /api/v1/tasks lists the tasks.")
	}
	if why, ok := faults["task_id"]; ok && strings.Contains(why, "pattern") {
		faults["task_id"] = "use letters, digits, '.', '_' and '-', and begin with a letter or digit; 128 characters at most"
	}
	return nil, badFields(faults)
}

// empty reads a body that must say nothing: none, or {}.
func empty(r *http.Request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	fields := map[string]string{}
	for name := range o {
		fields[name] = "is not a field of this request"
	}
	if len(fields) > 0 {
		return badFields(fields)
	}
	return nil
}

// serverFault finds the fields in a service's refusal of a request.
func serverFault(fn string, err error) error {
	f := faultOf(err)
	if f.code != "invalid" {
		return err
	}
	text := strings.TrimPrefix(f.detail, contract.InvalidArguments(fn, ""))
	if name, why, ok := strings.Cut(text, ": "); ok {
		switch name {
		case "files_paths", "server_arguments", "client_arguments", "selection_criteria", "arguments", "path", "after", "query":
			return badFields(map[string]string{name: why})
		case "selection criteria":
			return badFields(map[string]string{"selection_criteria": why})
		}
	}
	f.detail = text
	return f
}
