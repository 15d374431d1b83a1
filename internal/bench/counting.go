package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// counting is a way to the file server that counts what passes of one file.
type counting struct {
	server   *http.Server
	listener net.Listener
	ended    chan error
	passed   atomic.Int64 // bytes of the file
	under    atomic.Int64 // answers that are on their way
}

func newCounting(target, file string) (*counting, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counting{listener: l, ended: make(chan error, 1)}
	transport := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	c.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, file) {
			c.under.Add(1)
			defer c.under.Add(-1)
			w = &counted{w, c}
		}
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { // who asked is gone
				panic(p)
			}
		}()
		proxy.ServeHTTP(w, r)
	})}
	go func() { c.ended <- c.server.Serve(l) }()
	return c, nil
}

type counted struct {
	http.ResponseWriter
	c *counting
}

// Write counts.
func (w *counted) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.c.passed.Add(int64(n))
	return n, err
}

// Unwrap gives http.ResponseController what it needs.
func (w *counted) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (c *counting) url() string { return "http://" + c.listener.Addr().String() }

// quiet waits until nothing is on its way any more.
func (c *counting) quiet() {
	for end := time.Now().Add(patience); c.under.Load() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func (c *counting) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := c.server.Shutdown(ctx)
	if ended := <-c.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
