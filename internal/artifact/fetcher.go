package artifact

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/httpx"
)

const (
	parallel  = 4
	retries   = 3
	firstWait = 200 * time.Millisecond
	redirects = 3
)

// FetcherOptions says where a Fetcher gets files from. BaseURL is required.
type FetcherOptions struct {
	BaseURL string // of the file server, e.g. "http://cloud:5000"
	Limits  Limits

	// TLS says which certificates are trusted, and which one is shown, where BaseURL is
	// https; nil: the system's, and none. It does not concern a Client that is given.
	TLS *tls.Config

	// Client carries the requests; its redirect policy is replaced by ours. Nil
	// means a client of the Fetcher's own, which bounds each step of a connection
	// and keeps connections for the next fetch.
	Client *http.Client
}

// Fetcher downloads the files of tasks from a server that speaks the protocol of
// NewHandler. It is safe for concurrent use, by one Fetch a folder at a time.
type Fetcher struct {
	base   *url.URL
	client *http.Client
	limits Limits
	wait   time.Duration // before the first retry
	idle   time.Duration
}

// NewFetcher checks the options; it does not connect.
func NewFetcher(opts FetcherOptions) (*Fetcher, error) {
	base, err := url.Parse(opts.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("file server: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("file server %q: write it as http://host:port", opts.BaseURL)
	}
	client := &http.Client{Transport: newTransport(opts.TLS)}
	if opts.Client != nil {
		*client = *opts.Client
	}
	client.CheckRedirect = sameHost
	return &Fetcher{base: base, client: client, limits: opts.Limits.withDefaults(), wait: firstWait, idle: idle}, nil
}

func newTransport(with *tls.Config) *http.Transport {
	return httpx.Secure(&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   parallel,
		DisableCompression:    true, // sizes, ranges and digests are of the bytes as they are
	}, with)
}

// sameHost keeps the task's password with the server that it is meant for.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > redirects:
		return &redirectError{fmt.Sprintf("more than %d redirects", redirects)}
	case req.URL.Host != first.Host, first.Scheme == "https" && req.URL.Scheme != "https":
		return &redirectError{fmt.Sprintf("it redirects to another server, %s://%s, which will not get the task's password", req.URL.Scheme, req.URL.Host)}
	}
	return nil
}

type redirectError struct{ text string }

func (e *redirectError) Error() string { return e.text }

// Close lets go of the connections that are kept for the next Fetch.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

// Request names the files of one task, and the folder that they go to.
type Request struct {
	TaskID   string
	User     string
	Password string
	Token    string   // shown in place of these two, if there is one
	Paths    []string // relative to the task's folder; repeated ones are fetched once
	Dir      string   // made if need be

	// Expect, when not nil, says what each of the files must be, whatever the server
	// has: one that differs is an ErrDigest before it takes its name, and one that it
	// does not name is an ErrBadPath. What is there already is not asked for.
	Expect map[string]Content
	// MaxFileBytes bounds each of the files; 0: the Fetcher's limit does.
	MaxFileBytes int64
}

// Content is what a file holds.
type Content struct {
	Size   int64
	SHA256 string // 64 hexadecimal digits
}

// Fetch brings the files of a task into req.Dir and describes them, in the order
// of req.Paths. A file that is there with the server's digest is left alone; one
// that was begun before goes on where it stopped; each takes its name only when it
// is whole. A server that offers no digest is trusted about lengths alone.
//
// Network errors and 5xx answers are tried again, three times for each file. The
// first file that fails ends the fetch, with an error that wraps one of ErrBadPath,
// ErrBadTaskID, ErrUnauthorized, ErrNotFound, ErrUnavailable, ErrDigest, ErrTooLarge,
// an error of the disk, or that of ctx.
func (f *Fetcher) Fetch(ctx context.Context, req Request) ([]File, error) {
	paths, err := uniquePaths(req, f.limits)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(req.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("task %s: %w", req.TaskID, err)
	}
	root, err := os.OpenRoot(req.Dir)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", req.TaskID, err)
	}
	defer root.Close()

	files := make([]File, len(paths))
	var total atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, path := range paths {
		group.Go(func() error {
			t := &transfer{Fetcher: f, req: &req, root: root, path: path, total: &total}
			file, err := t.run(groupCtx)
			if err != nil {
				return fmt.Errorf("task %s: file %s: %w", req.TaskID, path, err)
			}
			files[i] = file
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return files, nil
}

// uniquePaths checks what a request names.
func uniquePaths(req Request, limits Limits) ([]string, error) {
	if err := ValidTaskID(req.TaskID); err != nil {
		return nil, err
	}
	paths := make([]string, 0, len(req.Paths))
	for _, path := range req.Paths {
		if err := ValidPath(path); err != nil {
			return nil, fmt.Errorf("task %s: %w", req.TaskID, err)
		}
		if _, ok := req.Expect[path]; req.Expect != nil && !ok {
			return nil, fmt.Errorf("task %s: %w %q: nobody has said what it must be", req.TaskID, ErrBadPath, path)
		}
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
		if err := limits.checkFiles(len(paths)); err != nil {
			return nil, fmt.Errorf("task %s: %w", req.TaskID, err)
		}
	}
	return paths, nil
}

// url escapes each part, so that no name can become a query or another path.
func (f *Fetcher) url(taskID, path string) string {
	parts := strings.Split(path, "/")
	return f.base.JoinPath(append([]string{"download", taskID}, escaped(parts)...)...).String()
}

func escaped(parts []string) []string {
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return parts
}

// pause waits before retry n (0, 1, ...): twice as long each time, and never the
// same as the other clients that lost the same server.
func (f *Fetcher) pause(ctx context.Context, n int) error {
	wait := f.wait << n
	timer := time.NewTimer(wait/2 + rand.N(wait))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
