package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
)

// transfer is the way of one file.
type transfer struct {
	*Fetcher
	req   *Request
	root  *os.Root
	path  string
	total *atomic.Int64 // bytes of all files of the fetch

	etag string // that the bytes in the partial file belong to, once known
}

// tryAgain wraps what may pass by itself.
type tryAgain struct{ err error }

func (e *tryAgain) Error() string { return e.err.Error() }
func (e *tryAgain) Unwrap() error { return e.err }

func (t *transfer) run(ctx context.Context) (File, error) {
	if dir := path.Dir(t.path); dir != "." {
		if err := t.root.MkdirAll(dir, 0o755); err != nil {
			return File{}, err
		}
	}
	for attempt := 0; ; attempt++ {
		file, err := t.attempt(ctx)
		if err == nil {
			return file, nil
		}
		if ctx.Err() != nil {
			return File{}, ctx.Err()
		}
		if _, ok := errors.AsType[*tryAgain](err); !ok {
			return File{}, err
		}
		if attempt == retries {
			return File{}, fmt.Errorf("%w after %d tries: %w", ErrUnavailable, retries+1, err)
		}
		if err := t.pause(ctx, attempt); err != nil {
			return File{}, err
		}
	}
}

// attempt makes one request, and whatever it brings is kept for the next.
func (t *transfer) attempt(ctx context.Context) (File, error) {
	watch, ctx := newWatchdog(ctx, t.idle)
	defer watch.stop()
	have, err := t.present()
	if err != nil {
		return File{}, err
	}
	want, expected := t.req.Expect[t.path]
	if expected && have != nil {
		if have.SHA256 == want.SHA256 {
			return *have, errors.Join(t.forgetPartial(), t.count(have.Size))
		}
		have = nil // the server must not confirm it
	}
	partial, err := openPartial(t.root, t.path)
	if err != nil {
		return File{}, err
	}
	defer partial.Close()

	resp, err := t.get(ctx, have, partial.size)
	if err != nil {
		return File{}, watch.explain(ctx, err)
	}
	defer func() {
		io.CopyN(io.Discard, resp.Body, 4<<10) //nolint:errcheck // a short rest is read, to keep the connection
		resp.Body.Close()
	}()

	switch status := resp.StatusCode; {
	case status == http.StatusNotModified && have != nil:
		partial.remove = true
		return *have, t.count(have.Size)
	case status == http.StatusOK:
		if err := partial.restart(); err != nil {
			return File{}, err
		}
	case status == http.StatusPartialContent && partial.continues(resp, t.etag, expected):
	case status == http.StatusPartialContent, status == http.StatusRequestedRangeNotSatisfiable:
		t.etag = ""
		return File{}, errors.Join(&tryAgain{errors.New("the server could not go on where the download had stopped")}, partial.restart())
	default:
		return File{}, statusError(resp)
	}
	t.etag = strong(resp.Header.Get("ETag"))
	if announced := digestOf(t.etag); expected && announced != "" && announced != want.SHA256 {
		partial.remove = true
		return File{}, differs(announced, want.SHA256)
	}
	return t.receive(ctx, watch, partial, resp)
}

// differs is the error of a file that is not what was expected.
func differs(sum, want string) error {
	return fmt.Errorf("%w: its digest begins with %.12s, the expected one with %.12s", ErrDigest, sum, want)
}

// forgetPartial removes what an earlier fetch began, if anything.
func (t *transfer) forgetPartial() error {
	return t.root.RemoveAll(t.path + partialSuffix)
}

// limit is how large the file may be.
func (t *transfer) limit() int64 {
	limit := min(t.limits.FileBytes, t.limits.TotalBytes-t.total.Load())
	if t.req.MaxFileBytes > 0 {
		limit = min(limit, t.req.MaxFileBytes)
	}
	return limit
}

func (t *transfer) receive(ctx context.Context, watch *watchdog, partial *partialFile, resp *http.Response) (File, error) {
	resumed := partial.size > 0
	limit := t.limit()
	want, expected := t.req.Expect[t.path]
	if expected && want.Size < limit {
		limit = want.Size
	}
	if resp.ContentLength > limit-partial.size {
		partial.remove = true
		if expected && limit == want.Size {
			return File{}, fmt.Errorf("%w: it has more than the expected %d bytes", ErrDigest, want.Size)
		}
		return File{}, fmt.Errorf("%w of %d bytes a file and %d in all", ErrTooLarge, limit, t.limits.TotalBytes)
	}
	if err := partial.copy(watch.reader(resp.Body), limit); err != nil {
		// Nobody could tell whether the rest belongs to it.
		partial.remove = partial.remove || t.etag == "" && !expected
		if expected && limit == want.Size && errors.Is(err, ErrTooLarge) {
			err = fmt.Errorf("%w: it has more than the expected %d bytes", ErrDigest, want.Size)
		}
		return File{}, watch.explain(ctx, err)
	}
	sum := partial.digest()
	if !expected {
		want.SHA256 = digestOf(t.etag)
	}
	if want := want.SHA256; want != "" && want != sum {
		partial.remove = true
		if resumed { // what was there may have been another version's
			t.etag = ""
			return File{}, errors.Join(&tryAgain{ErrDigest}, partial.restart())
		}
		if expected {
			return File{}, differs(sum, want)
		}
		return File{}, fmt.Errorf("%w: its digest begins with %.12s, the announced one with %.12s", ErrDigest, sum, want)
	}
	if err := t.count(partial.size); err != nil {
		partial.remove = true
		return File{}, err
	}
	modTime, err := partial.finish()
	return File{t.path, partial.size, sum, modTime}, err
}

func (t *transfer) count(size int64) error {
	if t.total.Add(size) > t.limits.TotalBytes {
		return fmt.Errorf("%w: more than %d bytes in all", ErrTooLarge, t.limits.TotalBytes)
	}
	return nil
}

// present describes the file of an earlier fetch, or nil. Whatever else has the
// name is replaced, unless it is a folder.
func (t *transfer) present() (*File, error) {
	info, err := t.root.Lstat(t.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w %q: there is something else of that name in %s", ErrBadPath, t.path, t.req.Dir)
	}
	f, err := t.root.Open(t.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum, err := hashOf(f)
	return &File{t.path, info.Size(), sum, info.ModTime()}, err
}

func (t *transfer) get(ctx context.Context, have *File, offset int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url(t.req.TaskID, t.path), nil)
	if err != nil {
		return nil, err
	}
	if t.req.Token != "" {
		req.Header.Set("Authorization", "Bearer "+t.req.Token)
	} else {
		req.SetBasicAuth(t.req.User, t.req.Password)
	}
	req.Header.Set("Accept-Encoding", "identity")
	if have != nil {
		req.Header.Set("If-None-Match", `"`+have.SHA256+`"`)
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		if t.etag != "" {
			req.Header.Set("If-Range", t.etag)
		}
	}
	resp, err := t.client.Do(req)
	if err != nil {
		if refused, ok := errors.AsType[*redirectError](err); ok {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, refused)
		}
		return nil, &tryAgain{err}
	}
	return resp, nil
}

func statusError(resp *http.Response) error {
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return ErrUnauthorized
	case status == http.StatusNotFound || status == http.StatusGone:
		return fmt.Errorf("%w on the server", ErrNotFound)
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return &tryAgain{fmt.Errorf("the server answered %s", resp.Status)}
	default:
		return fmt.Errorf("%w: it answered %s", ErrUnavailable, resp.Status)
	}
}

// strong returns an ETag that identifies bytes, or "".
func strong(etag string) string {
	if strings.HasPrefix(etag, `"`) {
		return etag
	}
	return ""
}

var sha256ETag = regexp.MustCompile(`^"([0-9a-f]{64})"$`)

// digestOf returns the digest that a server of ours puts into the ETag, or "".
func digestOf(etag string) string {
	if m := sha256ETag.FindStringSubmatch(etag); m != nil {
		return m[1]
	}
	return ""
}
