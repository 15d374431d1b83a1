package artifact

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// slowest is the rate, in bytes per second, below which a download is cut off.
const slowest = 16 << 10

// download answers in the order that peers know: an unknown task is 404 for
// everyone, wrong credentials are 401 for any file, then a missing file is 404.
func (h *handler) download(w http.ResponseWriter, r *http.Request, rest string) {
	taskID, name, _ := strings.Cut(rest, "/")
	if ValidTaskID(taskID) != nil {
		refuse(w, http.StatusNotFound, "Task not found")
		return
	}
	log := h.Logger.With(slog.String("task_id", taskID))
	user, pass, found, err := h.Credentials(r.Context(), taskID)
	switch {
	case err != nil:
		log.Error("cannot look up the credentials of a task", slog.Any("err", err))
		refuse(w, http.StatusServiceUnavailable, "The task's record cannot be read now: try again")
		return
	case !found:
		refuse(w, http.StatusNotFound, "Task not found")
		return
	case !authorized(r, user, pass):
		_, allowed, err := h.admit(r, false)
		if err == nil && allowed != taskID {
			err = errPassword
		}
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Basic realm="Login Required"`)
			refuse(w, http.StatusUnauthorized, err.Error())
			return
		}
	}
	f, file, err := h.Store.Open(taskID, name)
	switch {
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrBadPath):
		log.Info("refused a download", slog.Any("err", err))
		refuse(w, http.StatusNotFound, "File not found")
		return
	case err != nil:
		log.Error("cannot open a file of a task", slog.Any("err", err))
		refuse(w, http.StatusInternalServerError, "Internal error")
		return
	}
	defer f.Close()

	header := w.Header()
	header.Set("ETag", `"`+file.SHA256+`"`)
	header.Set("Content-Type", "application/octet-stream")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "private, no-cache") // keep it, ask each time
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))

	// One deadline for the whole answer, and not a wrapper that moves it at each
	// write, so that the kernel can still copy the file by itself (sendfile).
	// Without support for deadlines (a recorder in a test) there is no waiting.
	ctl := http.NewResponseController(w)
	if ctl.SetWriteDeadline(time.Now().Add(idle+time.Duration(file.Size/slowest)*time.Second)) == nil {
		defer ctl.SetWriteDeadline(time.Time{}) //nolint:errcheck // it has just worked
	}
	http.ServeContent(w, r, "", file.ModTime, f)
}

// errPassword is for who shows no token.
//
//lint:ignore ST1005 the wire's text
var errPassword = errors.New("Wrong user name or password for this task")

// admit opens a request's bearer token, and tells for which task it is.
func (h *handler) admit(r *http.Request, upload bool) (ctx context.Context, taskID string, err error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || h.Admit == nil {
		return nil, "", errPassword
	}
	return h.Admit(r.Context(), strings.TrimSpace(token), upload)
}

// authorized compares digests, so that neither content nor length shows in the time.
func authorized(r *http.Request, user, pass string) bool {
	gotUser, gotPass, ok := r.BasicAuth()
	return ok && sameText(gotUser, user)&sameText(gotPass, pass) == 1
}

func sameText(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
