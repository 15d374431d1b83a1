package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/rpc"
)

// stallTime is how long an upload may stand still, and how long the file server
// may think about it.
const stallTime = time.Minute

var errStalled = errors.New("nothing moved any more")

// uploader sends files to a file server.
type uploader struct {
	base   string // the server's URL
	token  string // that the gateway gave for it; "": none
	people io.Writer
	stall  time.Duration
	tls    *tls.Config // for a base that is https; nil: the system's authorities
}

// localFile is a file to send: open, or in memory.
type localFile struct {
	name string // at the cloud
	size int64
	f    *os.File
	text []byte // without f
}

// content is what is sent, of its size at most.
func (f localFile) content() io.Reader {
	if f.f == nil {
		return bytes.NewReader(f.text)
	}
	return io.LimitReader(f.f, f.size)
}

// openLocal opens a file that is to be sent under a name.
func openLocal(name, path string) (localFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return localFile{}, fmt.Errorf("read a file of the task: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", path)
	}
	if err != nil {
		return localFile{}, errors.Join(err, f.Close())
	}
	return localFile{name: name, size: info.Size(), f: f}, nil
}

func closeFiles(files []localFile) {
	for _, f := range files {
		if f.f != nil {
			_ = f.f.Close() // only read
		}
	}
}

// uploaded is the file server's answer.
type uploaded struct {
	Message string   `json:"message"`
	Files   []string `json:"files"`
}

// send sends files of a task, piece by piece, and returns the server's answer.
func (u uploader) send(ctx context.Context, id string, files []localFile) (uploaded, error) {
	var none uploaded
	form, length, contentType, err := form(id, files)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(u.stall, func() { cancel(errStalled) })
	defer stall.Stop()
	bar := newProgress(u.people, length)
	defer bar.end()

	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.base+"/upload_files", &movingBody{form, func(n int) {
		stall.Reset(u.stall)
		bar.add(int64(n))
	}})
	if err != nil {
		return none, err
	}
	req.ContentLength = length
	req.Header.Set("Content-Type", contentType)
	if u.token != "" {
		req.Header.Set("Authorization", "Bearer "+u.token)
	}
	transport := httpx.Secure(http.DefaultTransport.(*http.Transport).Clone(), u.tls)
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		if errors.Is(context.Cause(ctx), errStalled) {
			return none, rpc.Errorf(rpc.Deadline, "the upload to %s was given up: %w for %s", u.base, errStalled, u.stall)
		}
		if advice := pki.Advice(err); advice != "" {
			return none, rpc.Errorf(rpc.Unavailable, "no secure way to the file server at %s: %w; %s", u.base, err, advice)
		}
		return none, rpc.Errorf(rpc.Unavailable, "the file server at %s takes no upload (start it with agata up, or set server.files.url): %w", u.base, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return none, rpc.Errorf(rpc.Unavailable, "the answer of the file server broke off: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return none, uploadRefused(u.base, resp, body)
	}
	var answer uploaded
	if err := json.Unmarshal(body, &answer); err != nil {
		return none, fmt.Errorf("the file server at %s answered with something else than JSON: %.200q", u.base, body)
	}
	return answer, nil
}

// uploadRefused turns the file server's refusal into an error.
func uploadRefused(base string, resp *http.Response, body []byte) error {
	text := strings.TrimSpace(string(body))
	var refusal struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &refusal) == nil && refusal.Error != "" {
		text = refusal.Error
	}
	switch resp.StatusCode {
	case http.StatusBadRequest:
		return rpc.Errorf(rpc.Invalid, "the file server refuses the upload: %.300s", text)
	case http.StatusRequestEntityTooLarge:
		return rpc.Errorf(rpc.Invalid, "the upload is too large: %.300s; max_file_mb in section [server.files] of the cloud's config.ini is the limit", text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return rpc.Errorf(rpc.Forbidden, "the file server at %s does not allow the upload (sign in with agata login): %.300s", base, text)
	}
	return fmt.Errorf("the file server at %s answered %s: %.300s", base, resp.Status, text)
}

// form is the body of an upload. Its length is known before it is sent, since
// not every peer takes a body without one.
func form(id string, files []localFile) (body io.Reader, length int64, contentType string, err error) {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	var parts []io.Reader
	cut := func() {
		length += int64(head.Len())
		parts = append(parts, bytes.NewReader(bytes.Clone(head.Bytes())))
		head.Reset()
	}
	if err := w.WriteField("task_id", id); err != nil {
		return nil, 0, "", err
	}
	for _, f := range files {
		if _, err := w.CreateFormFile("files", f.name); err != nil {
			return nil, 0, "", err
		}
		cut()
		parts = append(parts, f.content())
		length += f.size
	}
	if err := w.Close(); err != nil {
		return nil, 0, "", err
	}
	cut()
	return io.MultiReader(parts...), length, w.FormDataContentType(), nil
}

// movingBody tells of each piece that is read.
type movingBody struct {
	io.Reader
	moved func(n int)
}

func (b *movingBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.moved(n)
	return n, err
}
