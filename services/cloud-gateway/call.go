package cloudgateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

const (
	// maxCalls bounds the calls under way at once.
	maxCalls = 1024
	// maxLarge bounds the bodies of more than 64 KiB that are held at once.
	maxLarge = 16
	// maxExcess is how much of a body beyond the limit is read and thrown away.
	maxExcess = 8 << 20
)

// call answers /{function}: it forwards the body as it came and answers with
// the bare value, or with the failure's bare text.
func (s *Service) call(w http.ResponseWriter, r *http.Request) {
	fn := r.PathValue("function")
	if !s.forward.Known(fn) && !functionName.MatchString(fn) {
		writeText(w, http.StatusNotFound, contract.InvalidFunction(fn)+": names are like rpc_exec_get_user_info, in small letters, digits and _")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "OPTIONS, POST")
		writeText(w, http.StatusMethodNotAllowed, "functions are called with POST")
		return
	}
	r, err := s.guard.AdmitCall(r, fn)
	if err != nil {
		s.fail(w, r, fn, err)
		return
	}
	leave, ok := s.large.Enter(w, r)
	if !ok {
		s.fail(w, r, fn, rpc.Errorf(rpc.Unavailable, "the gateway reads %d large bodies and takes no more now; try again", maxLarge))
		return
	}
	defer leave()
	body, err := readObject(w, r)
	if err != nil {
		s.fail(w, r, fn, rpc.Text(rpc.Invalid, contract.InvalidArguments(fn, err.Error())))
		return
	}
	if body, err = s.guard.Own(r, body); err != nil {
		s.fail(w, r, fn, err)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		s.paced(w, fn)
		s.fail(w, r, fn, rpc.Errorf(rpc.Unavailable, "the gateway has %d calls under way and takes no more now; try again", maxCalls))
		return
	}
	tell := s.base.Event
	if s.forward.Idempotent(fn) {
		tell = s.base.Routine // clients ask all the time
	}
	tell(r.Context(), contract.About{}, "rpc_handler", "Started redirecting "+fn+" msg")
	value, err := s.forward.Raw(r.Context(), fn, body)
	tell(r.Context(), contract.About{}, "rpc_handler", "Finished redirecting "+fn+" msg")
	if fn == contract.RequestTasks.Name {
		s.pace.answered(time.Now())
	}
	s.paced(w, fn)
	if err != nil {
		s.fail(w, r, fn, err)
		return
	}
	if len(value) == 0 { // an answer without "return"
		value = json.RawMessage("null")
	}
	writeJSON(w, http.StatusOK, value)
}

// readObject reads a request's body, which must be one JSON object.
func readObject(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	const limit = baseservice.MaxBody
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("the body cannot be read: %w", err)
	}
	if len(body) > limit {
		// A caller that still sends when the connection ends gets a reset and no answer.
		_, _ = io.CopyN(io.Discard, r.Body, maxExcess)
		w.Header().Set("Connection", "close")
		return nil, fmt.Errorf("the body has more than the %d bytes that are allowed", limit)
	}
	// Peers decode strictly, and some end when they cannot.
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	if !json.Valid(body) {
		var why json.RawMessage
		return nil, fmt.Errorf("the body is not JSON: %w", json.Unmarshal(body, &why))
	}
	if bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return nil, errors.New("the body is not a JSON object")
	}
	return body, nil
}

// fail answers with the failure's text. Who may not call, or not so often, gets a
// status that the wire does not have.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, fn string, err error) {
	if refusal, ok := errors.AsType[*guard.Refusal](err); ok {
		refusal.Header(w.Header())
		w.Header().Set(contract.CodeHeader, string(refusal.WireCode()))
		writeText(w, refusal.Status, refusal.Detail)
		return
	}
	code := rpc.CodeOf(err)
	level := slog.LevelDebug
	switch code {
	case rpc.Unavailable, rpc.Deadline, rpc.Internal:
		if r.Context().Err() == nil { // else the caller is gone
			level = slog.LevelWarn
		}
	}
	s.base.Logger().Log(r.Context(), level, "a call failed", "fn", fn, "code", code, "err", err, "remote", r.RemoteAddr)
	status, text := code.WireStatus(), err.Error()
	if s.opt.Base.HideErrors && status == http.StatusInternalServerError {
		text = contract.HiddenError
	}
	w.Header().Set(contract.CodeHeader, string(code))
	writeText(w, status, text)
}

// writeText answers with a bare JSON string.
func writeText(w http.ResponseWriter, status int, text string) {
	b, err := json.Marshal(text)
	if err != nil { // cannot be: a string
		b = []byte(`"` + contract.HiddenError + `"`)
	}
	writeJSON(w, status, b)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that is gone needs no answer
}
