package apiclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 32 << 20
	// attempts is how often a request that may be repeated is sent at most.
	attempts = 3
)

// Options of a [Client]. URL is required.
type Options struct {
	URL string // of the gateway, such as http://cloud:9001
	// Token is what the client shows: an operator's session or API token; "": none.
	Token string
	// TLS says which certificates are trusted, and which one is shown, where URL is
	// https; nil: the system's, and none.
	TLS *tls.Config
	// Timeout bounds a request with its answer; 15 s if zero. Streams and
	// transfers of files have none: they end when nothing moves any more.
	Timeout time.Duration
	// Stall is how long a stream or a transfer may stand still; 45 s if zero,
	// three of the gateway's heartbeats.
	Stall time.Duration
	// Patience is how long a stream's gateway may be away before the stream is
	// given up; 10 min if zero.
	Patience time.Duration
}

// Client asks a gateway. It is safe for concurrent use, and must be closed.
type Client struct {
	base, token     string // base: without a slash at the end
	http            *http.Client
	timeout, stall  time.Duration
	patience, pause time.Duration // pause: before the first repetition
}

// New checks the options; it does not connect.
func New(opt Options) (*Client, error) {
	u, err := url.Parse(opt.URL)
	if err != nil {
		return nil, fmt.Errorf("the gateway's URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the gateway's URL is %q: write it as http://host:port", opt.URL)
	}
	c := &Client{
		base: strings.TrimRight(opt.URL, "/"), token: opt.Token, timeout: opt.Timeout, stall: opt.Stall,
		patience: opt.Patience, pause: 250 * time.Millisecond,
	}
	for d, preset := range map[*time.Duration]time.Duration{&c.timeout: 15 * time.Second, &c.stall: 45 * time.Second, &c.patience: 10 * time.Minute} {
		if *d == 0 {
			*d = preset
		}
	}
	transport := httpx.Secure(http.DefaultTransport.(*http.Transport).Clone(), opt.TLS)
	transport.DisableCompression = true // ranges and digests are of the bytes as they are
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// Close lets go of the connections that are kept for the next request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one request: body is sent as JSON, unless it is nil.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any
}

// path joins the parts of a path; each is escaped.
func path(parts ...string) string {
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return "/api/v1/" + strings.Join(parts, "/")
}

// checkID refuses names that no path can carry: servers take them for folders.
func checkID(id string, missing func(string) string) error {
	if id == "" || id == "." || id == ".." {
		return rpc.Text(rpc.NotFound, missing(id))
	}
	return nil
}

// send sends a request once. An answer that is a failure is returned as an error.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreached(ctx, err)
	}
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusNotModified {
		defer resp.Body.Close()
		return nil, c.refused(r, resp)
	}
	return resp, nil
}

// unreached tells of a request without an answer.
func (c *Client) unreached(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return ctx.Err()
	}
	code := rpc.Unavailable
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
		code = rpc.Deadline
	}
	if ue, ok := errors.AsType[*url.Error](err); ok { // its text repeats the whole URL
		err = ue.Err
	}
	if advice := pki.Advice(err); advice != "" {
		return rpc.Errorf(rpc.Unavailable, "no secure way to the gateway at %s: %w; %s", c.base, err, advice)
	}
	return rpc.Errorf(code, "the gateway at %s does not answer (start it with agata up, or set server.gateway.url): %w", c.base, err)
}

// ask sends a request and decodes its answer into v, if that is not nil. What may
// be repeated without harm (reading, and what carries a key) is, when the
// connection broke.
func (c *Client) ask(ctx context.Context, r request, v any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	repeats := r.method == http.MethodGet || r.header.Get("Idempotency-Key") != ""
	for n := 1; ; n++ {
		h, err := c.askOnce(ctx, r, v)
		if p, ok := errors.AsType[*Problem](err); ok && p.busy && n > 1 && sleep(ctx, c.pause) {
			continue // with what was sent before: its answer is on its way
		}
		if _, answered := errors.AsType[*Problem](err); err == nil || answered || !repeats || n >= attempts ||
			rpc.CodeOf(err) != rpc.Unavailable || errors.Is(err, syscall.ECONNREFUSED) || !sleep(ctx, c.pause<<(n-1)) {
			return h, err
		}
	}
}

func (c *Client) askOnce(ctx context.Context, r request, v any) (http.Header, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, c.unreached(ctx, err)
	case err != nil:
		return nil, rpc.Errorf(rpc.Unavailable, "the answer of the gateway broke off: %w", err)
	case len(body) > maxAnswer:
		return nil, rpc.Errorf(rpc.Internal, "the gateway's answer to %s is larger than %d bytes", r.path, maxAnswer)
	case v == nil:
		return resp.Header, nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, rpc.Errorf(rpc.Internal, "the gateway at %s answered %s with something unexpected: %w: %.100q", c.base, r.path, err, body)
	}
	return resp.Header, nil
}

// get reads an object.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (v Object[T], err error) {
	_, err = c.ask(ctx, request{method: http.MethodGet, path: path, query: query}, &v)
	return v, err
}

// post does something once: the key tells a repetition from a second wish.
func post[T any](ctx context.Context, c *Client, path string, body any) (v Object[T], err error) {
	_, err = c.ask(ctx, request{
		method: http.MethodPost, path: path, body: body,
		header: http.Header{"Idempotency-Key": {uuid.NewString()}},
	}, &v)
	return v, err
}

// sleep waits, and tells whether ctx still stands.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Object is a value of the API, decoded and as it came.
type Object[T any] struct {
	Value T
	JSON  json.RawMessage
}

// UnmarshalJSON keeps both forms.
func (o *Object[T]) UnmarshalJSON(b []byte) error {
	o.JSON = bytes.Clone(b)
	return json.Unmarshal(b, &o.Value)
}

// MarshalJSON writes the value as it came.
func (o Object[T]) MarshalJSON() ([]byte, error) {
	if o.JSON == nil {
		return json.Marshal(o.Value)
	}
	return o.JSON, nil
}

// URL is the gateway's, without a slash at its end.
func (c *Client) URL() string { return c.base }
