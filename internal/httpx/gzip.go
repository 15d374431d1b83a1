package httpx

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// gzipLeast is the size, in bytes, below which compressing is not worth it.
const gzipLeast = 1 << 10

// Gzip compresses JSON and YAML bodies for clients that take it. Bodies with a
// strong ETag, which names these very bytes, and partial ones are left alone, as
// are streams and other media types.
func Gzip() Middleware {
	pool := sync.Pool{New: func() any {
		z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		if err != nil { // cannot be: the level is valid
			panic(err)
		}
		return z
	}}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Vary", "Accept-Encoding")
			if !AcceptsGzip(r) || r.Method == http.MethodHead {
				next.ServeHTTP(w, r)
				return
			}
			z := &zipper{ResponseWriter: w, pool: &pool}
			next.ServeHTTP(z, r)
			z.close() // not if the handler panics: a part must not look whole
		})
	}
}

// AcceptsGzip tells whether the client takes bodies that are compressed so.
func AcceptsGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(one, ";")
		if name = strings.TrimSpace(name); name != "gzip" && name != "*" {
			continue
		}
		quality, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if !ok {
			return true
		}
		q, err := strconv.ParseFloat(quality, 64)
		return err == nil && q > 0
	}
	return false
}

// zipper decides when the header is written.
type zipper struct {
	http.ResponseWriter
	pool    *sync.Pool
	decided bool
	z       *gzip.Writer // nil: as it is
}

func (z *zipper) WriteHeader(status int) {
	if status >= 200 && !z.decided {
		z.decided = true
		if h := z.Header(); status != http.StatusNoContent && status != http.StatusNotModified && status != http.StatusPartialContent && worthwhile(h) {
			h.Set("Content-Encoding", "gzip")
			h.Del("Content-Length")
			z.z = z.pool.Get().(*gzip.Writer)
			z.z.Reset(z.ResponseWriter)
		}
	}
	z.ResponseWriter.WriteHeader(status)
}

func worthwhile(h http.Header) bool {
	if h.Get("Content-Encoding") != "" || strings.HasPrefix(h.Get("Etag"), `"`) {
		return false
	}
	if n, err := strconv.Atoi(h.Get("Content-Length")); err == nil && n < gzipLeast {
		return false
	}
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return kind == "application/json" || kind == "application/schema+json" || kind == "application/yaml"
}

func (z *zipper) Write(b []byte) (int, error) {
	if !z.decided {
		z.WriteHeader(http.StatusOK)
	}
	if z.z == nil {
		return z.ResponseWriter.Write(b)
	}
	return z.z.Write(b)
}

// FlushError is what http.ResponseController calls.
func (z *zipper) FlushError() error {
	if !z.decided {
		z.WriteHeader(http.StatusOK)
	}
	if z.z != nil {
		if err := z.z.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(z.ResponseWriter).Flush()
}

func (z *zipper) Unwrap() http.ResponseWriter { return z.ResponseWriter }

func (z *zipper) close() {
	if z.z == nil {
		return
	}
	_ = z.z.Close() // a client that is gone needs no end
	z.z.Reset(io.Discard)
	z.pool.Put(z.z)
}
