package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/agata-fl/agata/internal/ticket"
	"github.com/agata-fl/agata/pkg/contract"
)

// errStalled ends a transfer in which nothing moves.
var errStalled = errors.New("the transfer stands still")

// UploadedFile tells of a file that was stored.
type UploadedFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// upload streams a raw body to the file service, as a form with one file.
func (a *API) upload(w http.ResponseWriter, r *http.Request, _ *params) error {
	id := r.PathValue("id")
	path, err := filePath(r)
	if err != nil {
		return err
	}
	// The file service takes files of tasks that are not registered yet, as peers
	// send them; here that can only be a mistake.
	lookup, cancel := context.WithTimeout(r.Context(), a.opt.Timeout)
	_, err = call(lookup, a, contract.DescribeTask, contract.TaskIDRequest{TaskID: id})
	cancel()
	if err != nil {
		return err
	}
	target, err := a.fileService("upload_files")
	if err != nil {
		return err
	}

	ctx, stop := context.WithCancelCause(r.Context())
	defer stop(nil)
	watch := time.AfterFunc(idle, func() { stop(errStalled) })
	defer watch.Stop()
	source := newSource(w, r, watch)
	form, into := io.Pipe()
	multi := multipart.NewWriter(into)
	done := make(chan struct{})
	go func() {
		defer close(done)
		into.CloseWithError(fill(multi, id, path, source))
	}()
	// The writer ends when its reader does, and nothing of the body is read after
	// the handler has returned.
	end := func(why error) {
		form.CloseWithError(why)
		source.end()
		<-done
	}
	defer end(errStalled)

	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, form)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", multi.FormDataContentType())
	if err := a.admit(r.Context(), req, ticket.Upload, contract.Task{ID: id}); err != nil {
		return err
	}
	resp, err := a.files.Do(req)
	if err != nil {
		end(err)
		if source.err != nil { // it was the sender
			return bodyFault(source.err)
		}
		return a.transferFault(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp, path)
	}
	end(nil)
	w.Header().Set("Location", taskPath(id)+"/files/"+path)
	return reply(w, http.StatusCreated, UploadedFile{Path: path, Size: source.size, SHA256: hex.EncodeToString(source.hash.Sum(nil))})
}

// fill writes the form.
func fill(form *multipart.Writer, task, path string, content io.Reader) error {
	if err := form.WriteField("task_id", task); err != nil {
		return err
	}
	part, err := form.CreateFormFile("files", path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, content); err != nil {
		return err
	}
	return form.Close()
}

// source is a request's body on its way: measured, and each piece of it waited
// for a while only. What it has gathered may be read when its reader has ended.
type source struct {
	body  io.Reader
	ctl   *http.ResponseController
	watch *time.Timer
	hash  hash.Hash
	size  int64
	err   error       // why it could not be read to its end
	whole atomic.Bool // it was read to its end
	ended atomic.Bool
}

func newSource(w http.ResponseWriter, r *http.Request, watch *time.Timer) *source {
	ctl := http.NewResponseController(w)
	_ = ctl.SetWriteDeadline(time.Time{}) // without support there is no waiting
	return &source{body: r.Body, ctl: ctl, watch: watch, hash: sha256.New()}
}

// Read reads a piece of the body.
func (s *source) Read(p []byte) (int, error) {
	_ = s.ctl.SetReadDeadline(time.Now().Add(idle)) // without support there is no waiting
	if s.ended.Load() {
		return 0, errStalled
	}
	n, err := s.body.Read(p)
	s.watch.Reset(idle)
	s.hash.Write(p[:n])
	s.size += int64(n)
	switch {
	case err == io.EOF:
		s.whole.Store(true)
		// From here on net/http reads, to notice that the sender left.
		_ = s.ctl.SetReadDeadline(time.Time{})
	case err != nil && !s.ended.Load():
		s.err = err
	}
	return n, err
}

// end wakes a reader that waits for a piece that nobody wants any more. The
// connection of a body that was read whole serves the next request: a deadline
// there would end that one.
func (s *source) end() {
	s.ended.Store(true)
	if !s.whole.Load() {
		_ = s.ctl.SetReadDeadline(time.Now())
	}
}

// bodyFault puts a failure to read a body in words.
func bodyFault(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault{status: http.StatusRequestTimeout, code: "timeout", detail: "The request's body did not arrive in time.", hint: "Send it again."}
	}
	return invalid("The body cannot be read: "+err.Error(), "Send it again.")
}
