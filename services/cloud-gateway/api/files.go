package api

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/contract"
)

// idle is how long a transfer may stand still.
const idle = 30 * time.Second

// fileClient talks to the file service, which is near and needs no proxy.
func fileClient(with *tls.Config) *http.Client {
	return &http.Client{
		Transport: httpx.Secure(&http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			ResponseHeaderTimeout: time.Minute,
			MaxIdleConnsPerHost:   4,
			IdleConnTimeout:       30 * time.Second,
			DisableCompression:    true, // the bytes, and their ETag, as they are
			TLSHandshakeTimeout:   5 * time.Second,
		}, with),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (a *API) listFiles(w http.ResponseWriter, r *http.Request, _ *params) error {
	files, err := call(r.Context(), a, contract.ListTaskFiles, contract.TaskIDRequest{TaskID: r.PathValue("id")})
	if err != nil {
		return err
	}
	files.Files, files.Missing = list(files.Files), list(files.Missing)
	return reply(w, http.StatusOK, files)
}

func (a *API) deleteFile(w http.ResponseWriter, r *http.Request, _ *params) error {
	if err := empty(r); err != nil {
		return err
	}
	path, err := filePath(r)
	if err != nil {
		return err
	}
	if _, err := call(r.Context(), a, contract.DeleteTaskFile, contract.TaskFileRequest{TaskID: r.PathValue("id"), Path: path}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// filePath reads the file's name out of the path, and refuses what the file
// service would.
func filePath(r *http.Request) (string, error) {
	path := r.PathValue("path")
	if err := artifact.ValidPath(path); err != nil {
		return "", badFields(map[string]string{"path": err.Error()})
	}
	return path, nil
}

// fileService builds a URL of the file service; each part is a path segment, or
// several with slashes between.
func (a *API) fileService(parts ...string) (string, error) {
	base := a.opt.FilesURL()
	if base == "" {
		return "", unavailable("The gateway does not know where the file service is.", "Set url in section [server.files] of config.ini.")
	}
	var escaped []string
	for _, part := range parts {
		for segment := range strings.SplitSeq(part, "/") {
			escaped = append(escaped, url.PathEscape(segment))
		}
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.Join(escaped, "/"), nil
}

// transferFault puts a failed exchange with the file service in words.
func (a *API) transferFault(ctx context.Context, err error) error {
	if stalled := context.Cause(ctx); errors.Is(stalled, errStalled) {
		return &fault{status: http.StatusGatewayTimeout, code: "deadline", detail: "The transfer stood still for " + idle.String() + ".", hint: "Try it again."}
	}
	f := unavailable("The file service at "+a.opt.FilesURL()+" cannot be reached: "+cause(err)+".",
		"See that cloud-task-manager runs, and [server.files] in config.ini.")
	return f
}

// cause is an error without the URL that http.Client puts before it.
func cause(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// refusal puts what the file service answered in words.
func refusal(resp *http.Response, path string) error {
	var said struct {
		Error string `json:"error"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil && json.Unmarshal(body, &said) != nil || said.Error == "" {
		said.Error = "it answered " + resp.Status
	}
	switch resp.StatusCode {
	case http.StatusBadRequest:
		return badFields(map[string]string{"path": said.Error})
	case http.StatusUnauthorized, http.StatusForbidden:
		return &fault{status: http.StatusBadGateway, code: "unavailable", detail: "The file service refused the task's own credentials: " + said.Error + ".",
			hint: "They were changed just now, or the file service is another cloud's: try again, and see [server.files] in config.ini."}
	case http.StatusNotFound:
		return notFound("The task has no file "+path+" at the file service.", "GET the task's files for what it has.")
	case http.StatusRequestEntityTooLarge:
		return &fault{status: http.StatusRequestEntityTooLarge, code: "too_large", detail: "The file service refused the file: " + said.Error + ".",
			hint: "Raise max_file_mb in section [server.files] of config.ini, or send less."}
	case http.StatusInsufficientStorage:
		return &fault{status: http.StatusInsufficientStorage, code: "unavailable", detail: said.Error + ".", hint: "Make room on the disk of the cloud's tasks and send it again."}
	case http.StatusServiceUnavailable:
		return unavailable("The file service cannot answer now: "+said.Error+".", "Try again in a moment.")
	}
	return &fault{status: http.StatusBadGateway, code: "unavailable", detail: "The file service failed: " + said.Error + ".",
		hint: "The log of cloud-task-manager has the details."}
}
