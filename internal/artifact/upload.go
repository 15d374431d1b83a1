package artifact

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"syscall"
	"time"
)

const (
	// multipartOverhead is allowed on top of the files: headers and small fields.
	multipartOverhead = 1 << 20
	otherParts        = 32
)

var (
	//lint:ignore ST1005 the wire's text
	errNoTaskID = errors.New("Task ID is required")
	//lint:ignore ST1005 the wire's text
	errNoFiles = errors.New("No files uploaded")
)

// upload receives everything before it changes anything: the task's id may come
// after the files, and one refused name refuses the request.
func (h *handler) upload(w http.ResponseWriter, r *http.Request) {
	// Before anything is read: a stranger must not fill the disk.
	ctx, allowed, err := h.admit(r, true)
	if err != nil && h.Admit != nil && !h.OpenUploads {
		w.Header().Set("WWW-Authenticate", `Bearer realm="upload"`)
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusUnauthorized, "An upload needs a token, which the gateway gives to those who have signed in: "+err.Error())
		return
	}
	if err != nil {
		ctx, allowed = r.Context(), ""
	}
	limits := h.Store.limits
	r.Body = http.MaxBytesReader(w, &patientBody{ReadCloser: r.Body, ctl: http.NewResponseController(w)}, limits.TotalBytes+multipartOverhead)
	start := time.Now()
	taskID, files, err := h.receive(r, allowed)
	if err != nil {
		h.refuseUpload(w, taskID, err)
		return
	}
	names := make([]string, len(files))
	var size int64
	for i, file := range files {
		names[i] = file.Path
		size += file.Size
	}
	h.Logger.Info("received files of a task", slog.String("task_id", taskID), slog.Any("files", names),
		slog.Int64("bytes", size), slog.Duration("took", time.Since(start)))
	if h.Received != nil {
		h.Received(ctx, taskID, files)
	}
	answer(w, http.StatusOK, struct {
		Message string   `json:"message"`
		Files   []string `json:"files"`
	}{"Files uploaded successfully", names})
}

func (h *handler) refuseUpload(w http.ResponseWriter, taskID string, err error) {
	_, tooLong := errors.AsType[*http.MaxBytesError](err)
	_, broken := errors.AsType[*badForm](err)
	switch {
	case tooLong || errors.Is(err, ErrTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, ErrForbidden):
		refuse(w, http.StatusForbidden, err.Error())
	case broken, errors.Is(err, ErrBadPath), errors.Is(err, ErrBadTaskID), errors.Is(err, errNoTaskID), errors.Is(err, errNoFiles):
		refuse(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		h.Logger.Error("there is no room for an upload", slog.String("task_id", taskID), slog.Any("err", err))
		refuse(w, http.StatusInsufficientStorage, "No room for these files at the cloud: no space left on device; nothing of them was kept")
	default:
		h.Logger.Error("cannot store an upload", slog.String("task_id", taskID), slog.Any("err", err))
		refuse(w, http.StatusInternalServerError, "Internal error")
	}
}

// badForm is a body that ends early or is not what its header says.
type badForm struct{ err error }

func (e *badForm) Error() string { return "read the form: " + e.err.Error() }
func (e *badForm) Unwrap() error { return e.err }

// receive stores a form's files; allowed is the one task that they may be of, ""
// for any.
func (h *handler) receive(r *http.Request, allowed string) (taskID string, files []File, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return plainForm(r)
	}
	in, err := h.Store.NewIncoming()
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, in.Discard()) }()

	for range h.Store.limits.Files + otherParts {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // a form without its end wraps io.EOF, and is none
			switch {
			case taskID == "":
				return "", nil, errNoTaskID
			case len(in.files) == 0:
				return taskID, nil, errNoFiles
			case allowed != "" && taskID != allowed:
				return taskID, nil, fmt.Errorf("%w %q: the token is for task %s", ErrForbidden, taskID, allowed)
			}
			files, err = in.Commit(taskID)
			return taskID, files, err
		}
		if err != nil {
			return taskID, nil, &badForm{err}
		}
		name, isFile := fileName(part)
		switch {
		case part.FormName() == "task_id" && !isFile:
			if taskID, err = readTaskID(part, taskID); err != nil {
				return "", nil, err
			}
		case part.FormName() == "files" && isFile && name != "": // a browser sends an empty name for no choice
			if err := in.Add(name, bodyReader{part}); err != nil {
				return taskID, nil, err
			}
		}
	}
	return taskID, nil, fmt.Errorf("%w: more than %d parts", ErrTooLarge, h.Store.limits.Files+otherParts)
}

// plainForm finds the words for a body that is no multipart form, as peers do.
func plainForm(r *http.Request) (string, []File, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, multipartOverhead)
	if err := r.ParseForm(); err != nil {
		return "", nil, &badForm{err}
	}
	if taskID := r.PostForm.Get("task_id"); taskID != "" {
		return taskID, nil, errNoFiles
	}
	return "", nil, errNoTaskID
}

// fileName returns the name as it was sent. Part.FileName would drop its folders,
// and with them the reason to refuse it.
func fileName(part *multipart.Part) (name string, isFile bool) {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return "", false
	}
	name, isFile = params["filename"]
	return name, isFile
}

func readTaskID(part io.Reader, before string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxTaskID+1))
	if err != nil {
		return "", &badForm{err}
	}
	taskID := string(text)
	switch {
	case taskID == "":
		return before, nil
	case before != "" && before != taskID:
		return "", fmt.Errorf("%w %q: the form already names task %q", ErrBadTaskID, taskID, before)
	}
	return taskID, ValidTaskID(taskID)
}

// bodyReader marks the errors of the sender's side, to tell them from the disk's.
type bodyReader struct{ io.Reader }

func (b bodyReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &badForm{err}
	}
	return n, err
}

// patientBody gives the sender the idle time for each piece, and not one deadline
// for all of a large upload; the time for the answer begins with the last piece.
type patientBody struct {
	io.ReadCloser
	ctl  *http.ResponseController
	next time.Time
}

func (b *patientBody) Read(p []byte) (int, error) {
	if now := time.Now(); now.After(b.next) {
		b.next = now.Add(idle / 30)
		b.ctl.SetReadDeadline(now.Add(idle))                //nolint:errcheck // without support there is no waiting
		b.ctl.SetWriteDeadline(now.Add(idle + time.Minute)) //nolint:errcheck // likewise
	}
	return b.ReadCloser.Read(p)
}
