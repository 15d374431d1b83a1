package cloudgateway

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
)

// console serves the operator's console: its files, and index.html for every
// path that the console itself makes a page of.
type console struct {
	files map[string]*asset // by path; empty: it was not built
	page  []byte            // what to do without
}

// asset is a file of the console in memory.
type asset struct {
	content []byte
	packed  func() []byte // gzip; nil if that is not smaller
	kind    string
	etag    string
	cache   string
}

const indexFile = "index.html"

// newConsole reads the console's files; nil means that it was not built.
func newConsole(app fs.FS, version string) (*console, error) {
	c := &console{files: map[string]*asset{}, page: fmt.Appendf(nil, page, html.EscapeString(version))}
	if app == nil {
		return c, nil
	}
	err := fs.WalkDir(app, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(app, name)
		if err != nil {
			return err
		}
		c.files[name] = newAsset(name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the console's files: %w", err)
	}
	if c.files[indexFile] == nil {
		return nil, fmt.Errorf("the console's files have no %s: build it anew", indexFile)
	}
	return c, nil
}

func newAsset(name string, content []byte) *asset {
	sum := sha256.Sum256(content)
	a := &asset{content: content, kind: mediaType(name), etag: `W/"` + hex.EncodeToString(sum[:12]) + `"`, cache: "no-cache"}
	if strings.HasPrefix(name, "assets/") { // its name has a hash of its content
		a.cache = "public, max-age=31536000, immutable"
	}
	a.packed = sync.OnceValue(func() []byte { return pack(a) })
	return a
}

// mediaType does not ask the machine, whose answer differs from that of others.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// pack compresses what that makes smaller.
func pack(a *asset) []byte {
	if !strings.HasPrefix(a.kind, "text/") && !strings.HasPrefix(a.kind, "application/") && a.kind != "image/svg+xml" {
		return nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(a.content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil || b.Len() >= len(a.content) {
		return nil
	}
	return b.Bytes()
}

// ServeHTTP answers GET and HEAD.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reads(r) {
		w.Header().Set("Allow", "GET, HEAD")
		httpx.Problem(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "The console's pages are read with GET.", "The API is at /api/v1.")
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	file := c.files[name]
	switch {
	case file != nil:
	case name != "" && !strings.Contains(name, "/") && path.Ext(name) != "", strings.HasPrefix(name, "assets/"):
		httpx.Problem(w, r, http.StatusNotFound, "not_found", "The console has no file "+r.URL.Path+".", "Reload the console: a newer one may have taken the place of the one you see.")
		return
	case name == "" && !strings.Contains(r.Header.Get("Accept"), "text/html"): // not a browser
		c.about(w, http.StatusOK)
		return
	case len(c.files) == 0 && name != "":
		c.about(w, http.StatusNotFound)
		return
	case len(c.files) == 0:
		c.about(w, http.StatusOK)
		return
	default:
		file = c.files[indexFile]
	}
	file.serve(w, r)
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", a.cache)
	h.Set("ETag", a.etag)
	content := a.content
	if httpx.AcceptsGzip(r) && r.Header.Get("Range") == "" {
		if packed := a.packed(); packed != nil {
			content = packed
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(packed)))
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// about says what there is, and how to get the console if it is not.
func (c *console) about(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(c.page) // a browser that is gone needs no page
}

const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>AGATA cloud gateway</title></head>
<body>
<h1>AGATA cloud gateway</h1>
<p>AGATA manages federated-learning tasks. This is the cloud's HTTP gateway, version %s.</p>
<h2>The console</h2>
<p>Open this page in a browser. If it shows this text there, this binary was built without the console: build it with
<code>npm --prefix web ci &amp;&amp; npm --prefix web run build</code> and then <code>make build</code>.</p>
<h2>The API</h2>
<ul>
<li><a href="/openapi.yaml">/openapi.yaml</a> describes all of /api/v1</li>
<li><a href="/api/v1/overview">/api/v1/overview</a> the federation at a glance</li>
<li><a href="/api/v1/tasks">/api/v1/tasks</a>, <a href="/api/v1/clients">/api/v1/clients</a>, <a href="/api/v1/executions">/api/v1/executions</a>, <a href="/api/v1/events">/api/v1/events</a></li>
<li><a href="/api/v1/services">/api/v1/services</a> the services that run now</li>
<li><code>/api/v1/live</code> what happens, as it happens (server-sent events)</li>
<li><code>POST /&lt;function&gt;</code> calls a function of the cloud, such as <code>/rpc_exec_get_user_info</code>, with a JSON object as its arguments</li>
<li><a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>, <a href="/metrics">/metrics</a></li>
</ul>
</body>
</html>
`
