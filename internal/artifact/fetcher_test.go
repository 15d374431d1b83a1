package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func newFetcher(t testing.TB, baseURL string, limits Limits) *Fetcher {
	t.Helper()
	f, err := NewFetcher(FetcherOptions{BaseURL: baseURL, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	f.wait = time.Millisecond
	t.Cleanup(f.Close)
	return f
}

func request(dir string, paths ...string) Request {
	return Request{TaskID: "t1", User: "ann", Password: "s3cret", Paths: paths, Dir: dir}
}

// counted remembers what was asked of a server: "GET /path range=... -> 206".
type counted struct {
	http.Handler
	running sync.WaitGroup
	mu      sync.Mutex // guards log
	log     []string
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &statusWriter{ResponseWriter: w, status: 200}
	c.running.Add(1)
	defer c.running.Done()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		line := strings.TrimPrefix(r.URL.Path, "/download/t1/")
		if rng := r.Header.Get("Range"); rng != "" {
			line += " " + rng
		}
		c.log = append(c.log, fmt.Sprint(line, " ", rec.status))
	}()
	c.Handler.ServeHTTP(rec, r)
}

// take returns what was asked since the last take. The client may have its answer
// before the handler has returned.
func (c *counted) take() []string {
	c.running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	log := sorted(c.log)
	c.log = nil
	return log
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
func (w *statusWriter) Unwrap() http.ResponseWriter {
	return w.ResponseWriter
}

func ours(t testing.TB, s *Store) *counted {
	t.Helper()
	h, err := NewHandler(HandlerOptions{Store: s, Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	return &counted{Handler: h}
}

func TestNewFetcherWantsAURL(t *testing.T) {
	for _, base := range []string{"", "cloud:5000", "ftp://cloud", "http://", "http://%zz"} {
		if _, err := NewFetcher(FetcherOptions{BaseURL: base}); err == nil {
			t.Errorf("NewFetcher(%q) accepted", base)
		}
	}
}

func TestFetch(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "client.py", "a")
	put(t, s, "t1", "lib/é ?#%.py", "b")
	put(t, s, "t1", "empty", "")
	h := ours(t, s)
	f := newFetcher(t, serve(t, h).URL+"/", Limits{})
	dir := filepath.Join(t.TempDir(), "tasks", "task_t1")
	fetch := func() []File {
		t.Helper()
		files, err := f.Fetch(t.Context(), request(dir, "client.py", "lib/é ?#%.py", "client.py", "empty"))
		if err != nil {
			t.Fatal(err)
		}
		want := []File{
			{Path: "client.py", Size: 1, SHA256: sumA}, {Path: "lib/é ?#%.py", Size: 1, SHA256: sumB},
			{Path: "empty", SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		}
		if diff := cmp.Diff(want, files, cmpopts.IgnoreFields(File{}, "ModTime")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"client.py", "empty", "lib/", "lib/é ?#%.py"}, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
		return files
	}
	fetch()
	if got := h.take(); !cmp.Equal(got, []string{"client.py 200", "empty 200", "lib/é ?#%.py 200"}) {
		t.Errorf("first: %v", got)
	}
	fetch()
	if got := h.take(); !cmp.Equal(got, []string{"client.py 304", "empty 304", "lib/é ?#%.py 304"}) {
		t.Errorf("again: %v", got)
	}
	write(t, filepath.Join(dir, "client.py"), "torn by a power cut")
	fetch()
	if got := h.take(); !cmp.Equal(got, []string{"client.py 200", "empty 304", "lib/é ?#%.py 304"}) {
		t.Errorf("after damage: %v", got)
	}
	if got := read(t, filepath.Join(dir, "client.py")); got != "a" {
		t.Errorf("client.py holds %q", got)
	}
}

func TestFetchErrors(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "ok", "a")
	put(t, s, "t1", "large", strings.Repeat("x", 101))
	for i := range 3 {
		put(t, s, "t1", fmt.Sprint("part", i), strings.Repeat("x", 100))
	}
	h := ours(t, s)
	f := newFetcher(t, serve(t, h).URL, Limits{FileBytes: 100, TotalBytes: 250, Files: 4})
	with := func(change func(*Request), paths ...string) Request {
		r := request("", paths...)
		change(&r)
		return r
	}
	tests := map[string]struct {
		req      Request
		is       error
		says     string
		requests int
	}{
		"wrong password": {with(func(r *Request) { r.Password = "no" }, "ok"), ErrUnauthorized, "task t1: file ok: wrong user name or password for the task", 1},
		"missing file":   {request("", "missing"), ErrNotFound, "task t1: file missing: not found on the server", 1},
		"missing task":   {with(func(r *Request) { r.TaskID = "t9" }, "ok"), ErrNotFound, "task t9: file ok: not found on the server", 1},
		"server trouble": {with(func(r *Request) { r.TaskID = "broken" }, "ok"), ErrUnavailable, "task broken: file ok: the file server is unavailable after 4 tries: the server answered 503 Service Unavailable", 4},
		"large":          {request("", "large"), ErrTooLarge, "task t1: file large: over the limit of 100 bytes a file and 250 in all", 1},
		"large in all":   {request("", "part0", "part1", "part2"), ErrTooLarge, "over the limit", 3},
		"many":           {request("", "1", "2", "3", "4", "5"), ErrTooLarge, "task t1: over the limit: more than 4 files", 0},
		"bad task":       {with(func(r *Request) { r.TaskID = "../t1" }, "ok"), ErrBadTaskID, `refused task id "../t1"`, 0},
		"bad path":       {request("", "ok", "../x"), ErrBadPath, `task t1: refused file name "../x": it leads out of the task's folder`, 0},
		"a folder":       {request("", "folder"), ErrBadPath, "there is something else of that name", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h.take()
			tt.req.Dir = t.TempDir()
			if err := os.Mkdir(filepath.Join(tt.req.Dir, "folder"), 0o755); err != nil {
				t.Fatal(err)
			}
			_, err := f.Fetch(t.Context(), tt.req)
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got  %v\nwant %s", err, tt.says)
			}
			if got := h.take(); len(got) != tt.requests {
				t.Errorf("%d requests %v, want %d", len(got), got, tt.requests)
			}
			for _, name := range tree(t, tt.req.Dir) {
				if name != "folder/" && !strings.HasPrefix(name, "part") {
					t.Errorf("left %s", name)
				}
			}
		})
	}
	for name, path := range hostilePaths {
		dir := t.TempDir()
		if _, err := f.Fetch(t.Context(), request(dir, path)); !errors.Is(err, ErrBadPath) || len(tree(t, dir)) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFetchDoesNotFollowLinks(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "f", "a")
	put(t, s, "t1", "sub/f", "a")
	f := newFetcher(t, serve(t, ours(t, s)).URL, Limits{})
	dir, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "f"), "theirs")
	for link, target := range map[string]string{"f": outside + "/f", "f.partial": outside + "/f", "sub": outside} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Fetch(t.Context(), request(dir, "f")); err != nil || read(t, filepath.Join(dir, "f")) != "a" {
		t.Errorf("a link in a file's place: %v", err)
	}
	if _, err := f.Fetch(t.Context(), request(dir, "sub/f")); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("a link in a folder's place: %v", err)
	}
	if got := read(t, filepath.Join(outside, "f")); got != "theirs" {
		t.Errorf("the file outside was changed to %q", got)
	}
}

// dropping cuts the connection in the middle of the first answers.
func dropping(next http.Handler, times int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if times == 0 {
			next.ServeHTTP(w, r)
			return
		}
		times--
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		for key, values := range rec.Header() {
			w.Header()[key] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

func TestFetchResumes(t *testing.T) {
	const size = 1 << 20
	content := strings.Repeat("0123456789abcdef", size/16)
	s := newStore(t, Limits{})
	put(t, s, "t1", "model", content)
	h := ours(t, s)
	h.Handler = dropping(h.Handler, 2)
	f := newFetcher(t, serve(t, h).URL, Limits{})
	dir := t.TempDir()
	if _, err := f.Fetch(t.Context(), request(dir, "model")); err != nil {
		t.Fatal(err)
	}
	if read(t, filepath.Join(dir, "model")) != content {
		t.Error("the content is not the server's")
	}
	want := []string{"model 200", "model bytes=524288- 206", "model bytes=786432- 206"}
	if got := h.take(); !cmp.Equal(got, want) {
		t.Errorf("requests %v, want %v", got, want)
	}
}

func TestFetchGoesOnAfterARestart(t *testing.T) {
	content := strings.Repeat("x", 1000)
	tests := map[string]struct {
		partial string
		want    []string
	}{
		"half":            {content[:500], []string{"model bytes=500- 206"}},
		"another version": {strings.Repeat("y", 500), []string{"model 200", "model bytes=500- 206"}},
		"too long":        {strings.Repeat("x", 1001), []string{"model 200", "model bytes=1001- 416"}},
		"empty":           {"", []string{"model 200"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, Limits{})
			put(t, s, "t1", "model", content)
			h := ours(t, s)
			f := newFetcher(t, serve(t, h).URL, Limits{})
			dir := t.TempDir()
			write(t, filepath.Join(dir, "model.partial"), tt.partial)
			if _, err := f.Fetch(t.Context(), request(dir, "model")); err != nil {
				t.Fatal(err)
			}
			if got := h.take(); !cmp.Equal(got, tt.want) {
				t.Errorf("requests %v, want %v", got, tt.want)
			}
			if diff := cmp.Diff([]string{"model"}, tree(t, dir)); diff != "" || read(t, filepath.Join(dir, "model")) != content {
				t.Errorf("wrong content or names: %s", diff)
			}
		})
	}
}

// A Python peer's server: an ETag that is no digest, or none at all.
func TestFetchFromAServerWithoutDigests(t *testing.T) {
	content := strings.Repeat("z", 1000)
	tests := map[string]struct {
		etag, left string
		drops      int
		want       []string
	}{
		"resumes by its own etag": {`"1700000000.0-1000-42"`, "", 1, []string{"model 200", "model bytes=500- 206"}},
		"weak etag":               {`W/"x"`, "", 1, []string{"model 200", "model 200"}},
		"no etag":                 {"", "", 1, []string{"model 200", "model 200"}},
		"a partial of long ago":   {`"1700000000.0-1000-42"`, content[:500], 0, []string{"model 200", "model bytes=500- 206"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := &counted{Handler: dropping(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.etag != "" {
					w.Header().Set("ETag", tt.etag)
				}
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
			}), tt.drops)}
			f := newFetcher(t, serve(t, h).URL, Limits{})
			dir := t.TempDir()
			if tt.left != "" {
				write(t, filepath.Join(dir, "model.partial"), tt.left)
			}
			files, err := f.Fetch(t.Context(), request(dir, "model"))
			if err != nil {
				t.Fatal(err)
			}
			if read(t, filepath.Join(dir, "model")) != content || files[0].SHA256 == "" {
				t.Error("the content is not the server's")
			}
			if got := h.take(); !cmp.Equal(got, tt.want) {
				t.Errorf("requests %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFetchRefusesAWrongDigest(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+sumB+`"`)
		io.WriteString(w, "a")
	}))
	dir := t.TempDir()
	_, err := newFetcher(t, srv.URL, Limits{}).Fetch(t.Context(), request(dir, "f"))
	want := "task t1: file f: the content does not match its digest: its digest begins with ca978112ca1b, the announced one with 3e23e8160039"
	if !errors.Is(err, ErrDigest) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if got := tree(t, dir); len(got) > 0 {
		t.Errorf("left %v", got)
	}
}

func TestFetchBoundsAnEndlessAnswer(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for { // no Content-Length to warn of it
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}))
	dir := t.TempDir()
	_, err := newFetcher(t, srv.URL, Limits{FileBytes: 100_000}).Fetch(t.Context(), request(dir, "f"))
	if !errors.Is(err, ErrTooLarge) || len(tree(t, dir)) > 0 {
		t.Errorf("got %v, left %v", err, tree(t, dir))
	}
}

func TestFetchRedirects(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "t1", "f", "a")
	var leaked bool
	other := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = leaked || r.Header.Get("Authorization") != ""
	}))
	inner := ours(t, s)
	var base string
	hops := 0
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/away/"):
			http.Redirect(w, r, other.URL, http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/loop/"):
			hops++
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/near/"):
			http.Redirect(w, r, base+strings.TrimPrefix(r.URL.Path, "/near"), http.StatusFound)
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	base = srv.URL
	for path, want := range map[string]string{"/near": "", "/away": "which will not get the task's password", "/loop": "more than 3 redirects"} {
		_, err := newFetcher(t, srv.URL+path, Limits{}).Fetch(t.Context(), request(t.TempDir(), "f"))
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	if leaked || hops != redirects+1 {
		t.Errorf("password leaked: %t; %d hops, want %d", leaked, hops, redirects+1)
	}
}

func TestFetchFromNobody(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	_, err := newFetcher(t, srv.URL, Limits{}).Fetch(t.Context(), request(t.TempDir(), "f"))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestFetchNoticesSilence(t *testing.T) {
	release := make(chan struct{})
	stall := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		<-release
	})
	srv := serve(t, stall)
	defer close(release)
	f := newFetcher(t, srv.URL, Limits{})
	f.idle = 30 * time.Millisecond
	_, err := f.Fetch(t.Context(), request(t.TempDir(), "f"))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "nothing arrived for 30ms") {
		t.Errorf("got %v", err)
	}
	f.idle = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := f.Fetch(ctx, request(t.TempDir(), "f")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's deadline", err)
	}
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Fetcher{wait: firstWait}
		for n := range retries {
			start := time.Now()
			if err := f.pause(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			mean := firstWait << n
			if took := time.Since(start); took < mean/2 || took > mean*3/2 {
				t.Errorf("pause %d took %v, want %v ± half", n, took, mean)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.pause(ctx, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// The usual case: three small files over a connection that is kept.
func BenchmarkFetch(b *testing.B) {
	s := newStore(b, Limits{})
	paths := []string{"client.py", "model.py", "data.csv"}
	for _, path := range paths {
		put(b, s, "t1", path, strings.Repeat(path, 1000))
		dir, _ := s.Dir("t1")
		if err := os.Chtimes(filepath.Join(dir, path), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	f := newFetcher(b, serve(b, ours(b, s)).URL, Limits{})
	dir := b.TempDir()
	b.Run("new", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := f.Fetch(b.Context(), request(filepath.Join(dir, fmt.Sprint(i)), paths...)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.Fetch(b.Context(), request(filepath.Join(dir, "0"), paths...)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
