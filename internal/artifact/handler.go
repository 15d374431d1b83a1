package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

const (
	// idle is how long a peer may keep the other waiting for the next byte.
	idle = 30 * time.Second

	downloadPrefix = "/download/"
	uploadPath     = "/upload_files"
)

// CredentialsFunc returns the user name and password of a task, or found=false
// when no such task is registered. An error means that the answer is not known.
type CredentialsFunc func(ctx context.Context, taskID string) (user, pass string, found bool, err error)

// HandlerOptions says what a handler serves. Store and Credentials are required.
type HandlerOptions struct {
	Store       *Store
	Credentials CredentialsFunc

	// Admit opens a bearer token for reading files or, with upload set, for writing
	// them, and tells of which task; the context that it returns knows whose token it
	// is. Its error is told to who asked. nil: there are no such tokens, and uploads are open.
	Admit func(ctx context.Context, token string, upload bool) (admitted context.Context, taskID string, err error)
	// OpenUploads takes uploads without a token all the same, as peers send them.
	OpenUploads bool

	// AllowOrigin is sent as Access-Control-Allow-Origin with the answers to
	// uploads; web pages of Python peers need "*". Credentials are never allowed
	// across origins. Empty: browsers keep pages of other origins out.
	AllowOrigin string

	// Received is called after each upload, before it is acknowledged; nil is none.
	Received func(ctx context.Context, taskID string, files []File)

	// Logger is told of uploads and of failures; nil means silence.
	Logger *slog.Logger
}

type handler struct {
	HandlerOptions
}

// NewHandler returns the file service that peers know from port 5000:
//
//	GET, HEAD /download/<task_id>/<file>   with the task's user name and password
//	POST      /upload_files                multipart: task_id, files...
//
// Refusals are JSON objects with the one key "error". The ETag of a download is the
// SHA-256 of its content, in hexadecimal; ranges are served.
// A token that Admit opens stands for the password. An upload needs one unless
// OpenUploads says otherwise; its task need not be registered yet: peers upload
// first, and without credentials.
func NewHandler(opts HandlerOptions) (http.Handler, error) {
	if opts.Store == nil || opts.Credentials == nil {
		return nil, errors.New("file service: a Store and a Credentials function are required")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &handler{opts}, nil
}

// ServeHTTP does its own routing: a ServeMux would answer a path with ".." by a
// redirect to the cleaned path, and the refusal is ours to give.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch rest, isDownload := strings.CutPrefix(r.URL.Path, downloadPrefix); {
	case isDownload && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		h.download(w, r, rest)
	case isDownload:
		refuseMethod(w, "GET, HEAD")
	case r.URL.Path == uploadPath:
		if h.AllowOrigin != "" {
			w.Header().Set("Access-Control-Allow-Origin", h.AllowOrigin)
		}
		switch r.Method {
		case http.MethodPost:
			h.upload(w, r)
		case http.MethodOptions:
			h.preflight(w)
		default:
			refuseMethod(w, "POST, OPTIONS")
		}
	default:
		refuse(w, http.StatusNotFound, "Not found")
	}
}

func (h *handler) preflight(w http.ResponseWriter) {
	w.Header().Set("Allow", "POST, OPTIONS")
	if h.AllowOrigin != "" {
		w.Header().Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
		w.Header().Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

func refuseMethod(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	refuse(w, http.StatusMethodNotAllowed, "Method not allowed: use "+allow)
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

func answer(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil { // strings and lists of strings only
		status, data = http.StatusInternalServerError, []byte(`{"error":"Internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(data, '\n')) //nolint:errcheck // the peer has gone; there is nobody to tell
}
