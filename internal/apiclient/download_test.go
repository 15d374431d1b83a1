package apiclient

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

var content = bytes.Repeat([]byte("0123456789abcdef"), 20_000)

func listed(b []byte) contract.TaskFile {
	sum := sha256.Sum256(b)
	return contract.TaskFile{Path: "lib/model.bin", Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

// folder is where a test downloads to.
func folder(t *testing.T) (root *os.Root, path string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root, filepath.Join(dir, "lib", "model.bin")
}

func TestDownload(t *testing.T) {
	for name, tc := range map[string]struct {
		before []byte // of the partial file
		ranges bool
		fetch  string // the ranges that are asked for
	}{
		"whole":                         {nil, true, "-"},
		"goes on":                       {content[:1000], true, "bytes=1000-"},
		"whole from a server without":   {content[:1000], false, "bytes=1000-"},
		"of other bytes":                {[]byte("something else"), true, "bytes=14- -"},
		"of more bytes":                 {append(bytes.Clone(content), 1), true, "-"},
		"complete but for its name":     {content, true, ""},
		"complete length, other bytes":  {bytes.Repeat([]byte{1}, len(content)), true, "-"},
		"empty as a break-off left it":  {[]byte{}, true, "-"},
		"nothing is left but last byte": {content[:len(content)-1], true, "bytes=319999-"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/tasks/a/files/lib/model.bin" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				got := r.Header.Get("Range")
				if got == "" {
					got = "-"
				}
				asked = append(asked, got)
				if !tc.ranges {
					_, _ = w.Write(content)
					return
				}
				http.ServeContent(w, r, "model.bin", time.Time{}, bytes.NewReader(content))
			})
			root, path := folder(t)
			if tc.before != nil {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path+partialSuffix, tc.before, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var moved int64
			if err := c.Download(t.Context(), "a", listed(content), root, func(n int64) { moved += n }); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got, content) || moved != int64(len(content)) {
				t.Errorf("%d bytes, %d moved, %v", len(got), moved, err)
			}
			if strings.Join(asked, " ") != tc.fetch {
				t.Errorf("asked %q", asked)
			}
			if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
				t.Errorf("left %v", left)
			}
			if same, there, err := Holds(root, listed(content)); !same || !there || err != nil {
				t.Error(same, there, err)
			}
			if same, there, err := Holds(root, listed([]byte("x"))); same || !there || err != nil {
				t.Error(same, there, err)
			}
		})
	}
}

// A transfer that breaks off goes on; one that breaks off too often leaves what it
// has for the next.
func TestDownloadOverBrokenConnections(t *testing.T) {
	var n, breaks atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if breaks.Add(-1) >= 0 {
			from := 0
			if r.Header.Get("Range") != "" {
				from = int(n.Load()-1) * 1000
				w.Header().Set("Content-Range", "bytes ")
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = w.Write(content[from : from+1000])
			_ = http.NewResponseController(w).Flush()
			drop()
		}
		http.ServeContent(w, r, "model.bin", time.Time{}, bytes.NewReader(content))
	})
	root, path := folder(t)
	breaks.Store(10)
	err := c.Download(t.Context(), "a", listed(content), root, func(int64) {})
	if rpc.CodeOf(err) != rpc.Unavailable || n.Load() != attempts {
		t.Errorf("%d tries, %v", n.Load(), err)
	}
	if info, err := os.Stat(path + partialSuffix); err != nil || info.Size() != attempts*1000 {
		t.Errorf("left %v, %v", info, err)
	}
	breaks.Store(0)
	if err := c.Download(t.Context(), "a", listed(content), root, func(int64) {}); err != nil {
		t.Error(err)
	}
}

func TestDownloadsThatAreRefused(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"other content": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte{1}, len(content)))
		},
		"more than was listed": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append(bytes.Clone(content), 1))
		},
		"less than was listed": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content[:10]) },
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, h)
			root, path := folder(t)
			err := c.Download(t.Context(), "a", listed(content), root, func(int64) {})
			if !errors.Is(err, errDigest) {
				t.Errorf("got %v", err)
			}
			if left, _ := filepath.Glob(path + "*"); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) })
	root, _ := folder(t)
	for _, bad := range []string{"../x", "/etc/x", "", "a/../../x", "x.partial"} {
		if err := c.Download(t.Context(), "a", contract.TaskFile{Path: bad}, root, func(int64) {}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	// A link that leads out of the folder is not followed.
	if err := root.Mkdir("lib", 0o755); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, filepath.Join(root.Name(), "lib", "model.bin"+partialSuffix)); err != nil {
		t.Fatal(err)
	}
	if err := c.Download(t.Context(), "a", listed(content), root, func(int64) {}); err == nil {
		t.Error("it was written through a link")
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("there is a file outside")
	}
}

func TestExport(t *testing.T) {
	const whole = `[{"time":1.5,"service":"s","function":"f","event":"one"},` + "\n" + `{"time":2,"service":"s","function":"f","event":"two"}]` + "\n"
	for name, tc := range map[string]struct {
		body string
		n    int
		ok   bool
	}{
		"all": {whole, 2, true}, "none": {"[]", 0, true},
		"cut": {whole[:len(whole)-3], 1, false}, "no array": {`{"events":[]}`, 0, false}, "nothing": {"", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.String() != "/api/v1/events.json?from=1.500000&task=a" {
					t.Errorf("asked %s", r.URL)
				}
				_, _ = io.WriteString(w, tc.body)
			})
			var b bytes.Buffer
			n, err := c.ExportEvents(t.Context(), EventFilter{Task: "a", From: 1.5, Newest: true, Limit: 7}, &b)
			if n != tc.n || (err == nil) != tc.ok || b.String() != tc.body {
				t.Errorf("%d events, %q, %v", n, b.String(), err)
			}
		})
	}
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, whole) })
	full := errors.New("the disk is full")
	if _, err := c.ExportEvents(t.Context(), EventFilter{}, faulty{full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type faulty struct{ error }

func (f faulty) Write([]byte) (int, error) { return 0, f.error }
