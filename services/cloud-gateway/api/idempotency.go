package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/forward"
)

const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
	maxKey         = 255
)

// running are the keys whose request is under way.
type running struct {
	mu    sync.Mutex
	byKey map[string]string // the request's fingerprint
}

func (k *running) enter(key, print string) (other string, busy bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if other, busy = k.byKey[key]; !busy {
		k.byKey[key] = print
	}
	return other, busy
}

func (k *running) leave(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byKey, key)
}

// once carries out a request with an Idempotency-Key at most once: a repetition
// gets the first one's answer, also after a restart. Only what succeeded is
// remembered. A request whose answer was lost on the way to the service bears the
// same message id when it is repeated, so that its effect does not happen twice.
func (a *API) once(w http.ResponseWriter, r *http.Request, q *params, handle func(http.ResponseWriter, *http.Request, *params) error) error {
	key := r.Header.Get(keyHeader)
	if _, sent := r.Header[keyHeader]; !sent {
		return handle(w, r, q)
	}
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < 0x20 || c > 0x7e }) {
		return badFields(map[string]string{keyHeader: fmt.Sprintf("must have 1 to %d printable ASCII characters", maxKey)})
	}
	if id := rpc.IdentityFrom(r.Context()); id.Kind != rpc.Nobody {
		key = id.String() + "\n" + key // nobody gets another's answer
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		r.Body = io.NopCloser(failing{err}) // the handler has the words for it
		return handle(w, r, q)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	print := fingerprint(r, body)

	switch other, busy := a.keys.enter(key, print); {
	case busy && other != print:
		return reused()
	case busy:
		f := conflict("The first request with this "+keyHeader+" is still under way.", "Wait a moment and send it again.")
		f.retryAfter = "1"
		return f
	}
	defer a.keys.leave(key)
	before, found, err := a.history.Remembered(r.Context(), key)
	switch {
	case err != nil:
		return err
	case found && before.Fingerprint != print:
		return reused()
	case found:
		replay(w, before)
		return nil
	}
	// The effect is remembered even if the caller does not wait for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), a.opt.Timeout)
	defer cancel()
	ctx = forward.WithMessageID(ctx, uuid.NewSHA1(uuid.NameSpaceOID, []byte(key+"\n"+print)).String())
	kept := &keeper{ResponseWriter: w}
	if err := handle(kept, r.WithContext(ctx), q); err != nil {
		return err
	}
	answer := history.Answer{Fingerprint: print, Status: kept.status, Header: map[string]string{}, Body: kept.body.Bytes()}
	for _, name := range []string{"Content-Type", "ETag", "Location"} {
		if v := w.Header().Get(name); v != "" {
			answer.Header[name] = v
		}
	}
	if err := a.history.Remember(ctx, key, answer); err != nil {
		a.log.Warn("the answer to a request with an idempotency key cannot be remembered", "path", r.URL.Path, "err", err)
	}
	return nil
}

func reused() *fault {
	return &fault{status: http.StatusUnprocessableEntity, code: "idempotency_key_reused",
		detail: "This " + keyHeader + " was used for another request.", hint: "Make a new key for each thing that you want done."}
}

// fingerprint tells requests apart.
func fingerprint(r *http.Request, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", r.Method, r.URL.RequestURI())
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

func replay(w http.ResponseWriter, answer history.Answer) {
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set(replayedHeader, "true")
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // a caller that is gone needs no answer
}

// failing is a body that could not be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// keeper keeps an answer while it goes out.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (k *keeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

// Write keeps the body.
func (k *keeper) Write(b []byte) (int, error) {
	k.body.Write(b)
	return k.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }
