package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/ticket"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// What of a request and of the file service's answer is passed on.
var (
	downloadAsks    = []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since"}
	downloadAnswers = []string{"Content-Type", "Content-Length", "Content-Range", "Content-Disposition", "Accept-Ranges", "Etag", "Last-Modified", "Cache-Control"}
)

// self is the gateway, for what it does in nobody else's name.
var self = rpc.Identity{Kind: rpc.Service, Name: "cloud-gateway"}

// download streams a file from the file service, to which the task's credentials
// open it. Any file of the task can be had so, also those that no client gets.
func (a *API) download(w http.ResponseWriter, r *http.Request, _ *params) error {
	id := r.PathValue("id")
	path, err := filePath(r)
	if err != nil {
		return err
	}
	// The password is for the gateway to use, and not for whoever may read files.
	lookup, cancel := context.WithTimeout(rpc.WithIdentity(r.Context(), self), a.opt.Timeout)
	task, err := call(lookup, a, contract.GetTask, contract.TaskIDRequest{TaskID: id})
	cancel()
	if err != nil {
		return err
	}
	target, err := a.fileService("download", id, path)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(r.Context())
	defer stop(nil)
	watch := time.AfterFunc(idle, func() { stop(errStalled) })
	defer watch.Stop()
	req, err := http.NewRequestWithContext(ctx, r.Method, target, nil)
	if err != nil {
		return err
	}
	if err := a.admit(r.Context(), req, ticket.Download, task); err != nil {
		return err
	}
	for _, name := range downloadAsks {
		if v := r.Header.Get(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	resp, err := a.files.Do(req)
	if err != nil {
		return a.transferFault(ctx, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent, http.StatusNotModified, http.StatusRequestedRangeNotSatisfiable:
	default:
		return refusal(resp, path)
	}
	for _, name := range downloadAnswers {
		if v := resp.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		w.Header().Del("Content-Length")
		return &fault{status: resp.StatusCode, code: "range_not_satisfiable", detail: "The file does not have the range that was asked for.",
			hint: "Its length is in Content-Range."}
	}
	w.WriteHeader(resp.StatusCode)
	if r.Method == http.MethodHead || resp.StatusCode == http.StatusNotModified {
		return nil
	}
	if err := pass(w, resp.Body, watch); err != nil {
		a.log.Debug("a download broke off", "task_id", id, "file", path, "err", err)
		panic(http.ErrAbortHandler) // the reader must not take the part for the whole
	}
	return nil
}

// pass copies a body, and waits for each piece a while only.
func pass(w http.ResponseWriter, body io.Reader, watch *time.Timer) error {
	ctl := http.NewResponseController(w)
	piece := make([]byte, 64<<10)
	for {
		n, err := body.Read(piece)
		if n > 0 {
			watch.Reset(idle)
			_ = ctl.SetWriteDeadline(time.Now().Add(idle)) // without support there is no waiting
			if _, err := w.Write(piece[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
