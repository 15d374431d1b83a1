package clientgateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// concurrency is how many calls of a function are at the cloud at once.
	concurrency = 16
	// maxAnswer bounds an answer's body, and maxText that of a failure, in bytes.
	maxAnswer = baseservice.MaxReply
	maxText   = 64 << 10
	// maxMargin is how long before the caller's deadline a silent cloud is given
	// up at the latest, so that the caller still learns why.
	maxMargin   = 500 * time.Millisecond
	dialTimeout = 5 * time.Second
	// headerTimeout is how long the cloud may think before it answers.
	headerTimeout = 10 * time.Second
	// maxLater is the longest pause, in seconds, that the cloud may ask for.
	maxLater = 24 * 60 * 60
)

// cloud is the cloud gateway as seen from here: one client, whose connections
// are kept.
type cloud struct {
	url    string // without a slash at its end
	client *http.Client
}

func newCloud(address string, with *tls.Config) (*cloud, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("clientgateway: the cloud gateway's URL: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("clientgateway: the cloud gateway's URL %q is not like http://host:9001", address)
	}
	return &cloud{url: strings.TrimRight(address, "/"), client: &http.Client{
		// A redirection is not among the answers that the wire knows.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: httpx.Secure(&http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: headerTimeout,
			MaxIdleConns:          2 * concurrency,
			MaxIdleConnsPerHost:   2 * concurrency,
			IdleConnTimeout:       50 * time.Second, // less than servers commonly keep theirs
		}, with),
	}}, nil
}

// unreachableError is the cause of an error that stands for the cloud's absence,
// or for an answer that is not the wire's.
type unreachableError struct{ error }

func (e *unreachableError) Unwrap() error { return e.error }

// unreachable gives any such failure the wire's text.
func unreachable(err error) error {
	return &rpc.Error{Code: rpc.Unavailable, Message: contract.CloudInvalid, Err: &unreachableError{err}}
}

// call sends a body to a function of the cloud and returns the encoded value.
// later, unless nil, is told when a busy cloud wants to be asked again.
func (c *cloud) call(ctx context.Context, fn string, body []byte, later func(seconds float64)) (json.RawMessage, error) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, left-min(left/10, maxMargin))
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/"+fn, bytes.NewReader(body))
	if err != nil {
		return nil, unreachable(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if trace := rpc.TraceFrom(ctx); trace != "" {
		req.Header.Set("Traceparent", trace)
	}
	// Both functions are idempotent: present and empty, this lets the client
	// repeat a request that met a connection which the cloud had just closed.
	req.Header["Idempotency-Key"] = []string{}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, unreachable(pki.Explain(err))
	}
	defer resp.Body.Close()
	if after, err := strconv.ParseFloat(resp.Header.Get(contract.RetryHeader), 64); err == nil && after > 0 && after <= maxLater && later != nil {
		later(after)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, unreachable(fmt.Errorf("read the answer: %w", err))
	}
	if len(answer) > maxAnswer {
		return nil, unreachable(fmt.Errorf("the answer has more than %d bytes", maxAnswer))
	}
	return decode(fn, resp, answer)
}

// decode turns the cloud's answer into a value or an error.
func decode(fn string, resp *http.Response, answer []byte) (json.RawMessage, error) {
	switch resp.StatusCode {
	case http.StatusOK:
		if !json.Valid(answer) {
			return nil, unreachable(fmt.Errorf("status 200 with a body that is not JSON: %.100q", answer))
		}
		return answer, nil
	case http.StatusBadRequest, http.StatusInternalServerError:
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, unreachable(fmt.Errorf("the cloud does not let this client in (%s): enrol it with agata client join; it says %.300q", resp.Status, answer))
	default:
		return nil, unreachable(fmt.Errorf("status %s: %.100q", resp.Status, answer))
	}
	text, ok := exception(answer)
	if !ok || len(text) > maxText {
		return nil, unreachable(fmt.Errorf("status %s without the text of an exception: %.100q", resp.Status, answer))
	}
	if resp.StatusCode == http.StatusBadRequest {
		// The skeleton opens every answer with status 400 so; the cloud has done it already.
		return nil, rpc.Text(rpc.Invalid, strings.TrimPrefix(text, contract.InvalidArguments(fn, "")))
	}
	code := resp.Header.Get(contract.CodeHeader)
	if code == string(rpc.Invalid) { // belongs to status 400 alone
		code = ""
	}
	return rpc.Decode(rpc.Reply{Body: rpc.EncodeException(rpc.Internal, text), Code: code})
}

// exception reads the text of a failure: a bare JSON string, or the member
// "exception" of an object, as some peers answer.
func exception(answer []byte) (text string, ok bool) {
	if json.Unmarshal(answer, &text) == nil && !bytes.Equal(bytes.TrimSpace(answer), []byte("null")) {
		return text, true
	}
	var reply struct {
		Exception *string `json:"exception"`
	}
	if json.Unmarshal(answer, &reply) == nil && reply.Exception != nil {
		return *reply.Exception, true
	}
	return "", false
}
