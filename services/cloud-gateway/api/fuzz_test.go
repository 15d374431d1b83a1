package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/rpc"
)

// absent is a cloud whose services do not answer.
type absent struct{ rpc.Transport }

func (absent) Call(context.Context, rpc.Request) (rpc.Reply, error) {
	return rpc.Reply{}, rpc.Errorf(rpc.Unavailable, "nobody serves it")
}
func (absent) Ready(context.Context) error                      { return nil }
func (absent) Publish(context.Context, string, ...[]byte) error { return nil }

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// FuzzRoutes: whatever is sent to a route, with any name in its path, query, body
// and idempotency key, the answer is a success or a problem, and the fault is not
// the gateway's.
func FuzzRoutes(f *testing.F) {
	store, err := history.Open(f.Context(), filepath.Join(f.TempDir(), "history.db"), history.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	a, err := New(Options{Transport: absent{}, History: store, Schemas: brokertest.Schemas(f)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(a.Close)
	routes := slices.DeleteFunc(a.routes(), func(rt route) bool {
		return rt.kind == linked || rt.kind == stream && strings.Contains(rt.path, "live")
	}) // which do not end
	at := func(method, path string) uint8 {
		return uint8(slices.IndexFunc(routes, func(rt route) bool { return rt.method == method && rt.path == path }))
	}
	f.Add(at("POST", "/tasks"), "a", "", "key", []byte(`{"task_id":"a","host":"h","port":1,"username":"u","password":"p","files_paths":["client.py"]}`))
	f.Add(at("PATCH", "/tasks/{id}"), "a", "", "", []byte(`{"port":1e999,"selection_criteria":"(((","x":{"y":[[[[]]]]}}`))
	f.Add(at("POST", "/tasks/{id}/start"), "..", "", "\n", []byte(`{"arguments":"a"}`))
	f.Add(at("GET", "/events"), "", "limit=5&cursor=MSAx&from=NaN&to=-1&order=newest&q=%00", "", []byte(nil))
	f.Add(at("GET", "/events/density"), "", "by=task&buckets=1000000000&lanes=9&from=0&to=1e300", "", []byte(nil))
	f.Add(at("GET", "/tasks/{id}/metrics"), "a", "points=0&series=x,,y", "", []byte(nil))
	f.Add(at("POST", "/clients/{client}/records"), "c1", "", "", []byte(`{"records":[{"id":"1","kind":"event","time":1,"event":{"event":"\u0000"}}]}`))
	f.Add(at("POST", "/session"), "", "", "", []byte(`{"name":"a","password":["x"],"token":1}`))
	f.Add(at("POST", "/criteria/check"), "", "", "", []byte(`{"expression":"__import__('os')","attributes":{"a":{"b":1}}}`))
	f.Add(at("PUT", "/tasks/{id}/files/{path...}"), "../../x", "", "", []byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, which uint8, name, query, key string, body []byte) {
		rt := routes[int(which)%len(routes)]
		r := httptest.NewRequestWithContext(t.Context(), rt.method, "/", bytes.NewReader(body))
		r.URL = &url.URL{Path: Prefix + wildcard.ReplaceAllLiteralString(rt.path, name), RawQuery: query}
		if key != "" {
			r.Header[keyHeader] = []string{key}
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s?%s %q: %d %s", rt.method, r.URL.Path, query, body, w.Code, w.Body)
		}
		var p struct {
			Status int    `json:"status"`
			Code   string `json:"code"`
		}
		if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Status != w.Code || p.Code == "") {
			t.Errorf("%s %s: %d %q is no problem", rt.method, r.URL.Path, w.Code, w.Body)
		}
	})
}
