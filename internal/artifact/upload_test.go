package artifact

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// form builds a multipart body: fields "name=value", files "name@filename=content".
func form(t testing.TB, parts ...string) (contentType string, body []byte) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		name, file, isFile := strings.Cut(name, "@")
		disposition := fmt.Sprintf(`form-data; name="%s"`, name)
		if isFile {
			disposition += fmt.Sprintf(`; filename="%s"`, file)
		}
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(p, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), buf.Bytes()
}

func post(t testing.TB, srv *httptest.Server, contentType string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/upload_files", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin: %q", got)
	}
	return resp.StatusCode, strings.TrimSpace(string(text))
}

func TestUpload(t *testing.T) {
	const existing = "task_old/keep.py"
	tests := map[string]struct {
		parts  []string
		status int
		body   string
		tree   []string // besides the existing file
	}{
		"id first":    {[]string{"task_id=n", "files@server.py=a", "files@client.py=b"}, 200, `{"message":"Files uploaded successfully","files":["server.py","client.py"]}`, []string{"task_n/", "task_n/client.py", "task_n/server.py"}},
		"id last":     {[]string{"files@server.py=a", "task_id=n"}, 200, `{"message":"Files uploaded successfully","files":["server.py"]}`, []string{"task_n/", "task_n/server.py"}},
		"replace":     {[]string{"task_id=old", "files@keep.py=new"}, 200, `{"message":"Files uploaded successfully","files":["keep.py"]}`, nil},
		"folders":     {[]string{"task_id=n", "files@a/b/c=1", "files@a/d=2", "files@ü x=3"}, 200, `{"message":"Files uploaded successfully","files":["a/b/c","a/d","ü x"]}`, []string{"task_n/", "task_n/a/", "task_n/a/b/", "task_n/a/b/c", "task_n/a/d", "task_n/ü x"}},
		"other parts": {[]string{"note=hello", "task_id=n", "extra@x=1", "files@f=a"}, 200, `{"message":"Files uploaded successfully","files":["f"]}`, []string{"task_n/", "task_n/f"}},
		"empty file":  {[]string{"task_id=n", "files@f="}, 200, `{"message":"Files uploaded successfully","files":["f"]}`, []string{"task_n/", "task_n/f"}},
		"at the size": {[]string{"task_id=n", "files@f=" + strings.Repeat("x", 100)}, 200, `{"message":"Files uploaded successfully","files":["f"]}`, []string{"task_n/", "task_n/f"}},

		"no id":            {[]string{"files@server.py=a"}, 400, `{"error":"Task ID is required"}`, nil},
		"empty id":         {[]string{"task_id=", "files@server.py=a"}, 400, `{"error":"Task ID is required"}`, nil},
		"nothing":          {[]string{"x=y"}, 400, `{"error":"Task ID is required"}`, nil},
		"no files":         {[]string{"task_id=n"}, 400, `{"error":"No files uploaded"}`, nil},
		"no choice":        {[]string{"task_id=n", "files@="}, 400, `{"error":"No files uploaded"}`, nil},
		"a field":          {[]string{"task_id=n", "files=text"}, 400, `{"error":"No files uploaded"}`, nil},
		"bad id":           {[]string{"task_id=../x", "files@f=a"}, 400, `{"error":"refused task id \"../x\": use letters, digits, '.', '_' and '-', and begin with a letter or digit"}`, nil},
		"long id":          {[]string{"task_id=" + strings.Repeat("x", 1000), "files@f=a"}, 400, `{"error":"refused task id \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...: longer than 128 characters"}`, nil},
		"two ids":          {[]string{"task_id=n", "task_id=m", "files@f=a"}, 400, `{"error":"refused task id \"m\": the form already names task \"n\""}`, nil},
		"escape":           {[]string{"task_id=n", "files@ok.py=a", "files@../evil.py=b"}, 400, `{"error":"refused file name \"../evil.py\": it leads out of the task's folder"}`, nil},
		"twice":            {[]string{"task_id=n", "files@f=a", "files@f=b"}, 400, `{"error":"refused file name \"f\": it was sent twice"}`, nil},
		"file then folder": {[]string{"task_id=n", "files@f=a", "files@f/g=b"}, 400, `{"error":"refused file name \"f/g\": \"f\" is also a file"}`, nil},
		"folder then file": {[]string{"task_id=n", "files@f/g=a", "files@f=b"}, 400, `{"error":"refused file name \"f\": it is also the folder of another file"}`, nil},
		"below a file":     {[]string{"task_id=old", "files@new=a", "files@x/y=a", "files@keep.py/x=b"}, 400, `{"error":"task old: refused file name \"keep.py\": it is a file of the task"}`, nil},
		"too large":        {[]string{"task_id=n", "files@f=" + strings.Repeat("x", 101)}, 413, `{"error":"receive file f: over the limit: more than 100 bytes"}`, nil},
		"too large in all": {[]string{"task_id=n", "files@f=" + strings.Repeat("x", 90), "files@g=" + strings.Repeat("x", 90), "files@h=" + strings.Repeat("x", 90)}, 413, `{"error":"receive file h: over the limit: more than 250 bytes in all"}`, nil},
		"too many":         {[]string{"task_id=n", "files@1=", "files@2=", "files@3=", "files@4="}, 413, `{"error":"over the limit: more than 3 files"}`, nil},
		"too many parts":   {append(strings.Split(strings.Repeat("x=y,", 40), ","), "task_id=n", "files@f=a"), 413, `{"error":"over the limit: more than 35 parts"}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, Limits{FileBytes: 100, TotalBytes: 250, Files: 3})
			put(t, s, "old", "keep.py", "old")
			srv := newServer(t, s)
			contentType, body := form(t, tt.parts...)
			status, text := post(t, srv, contentType, bytes.NewReader(body))
			if status != tt.status || text != tt.body {
				t.Errorf("got  %d %s\nwant %d %s", status, text, tt.status, tt.body)
			}
			want := append(tt.tree, "task_old/", existing)
			if diff := cmp.Diff(sorted(want), tree(t, tasksDir(s))); diff != "" {
				t.Error(diff)
			}
			if content := read(t, filepath.Join(tasksDir(s), existing)); (content == "new") != (name == "replace") {
				t.Errorf("%s holds %q", existing, content)
			}
		})
	}
}

func TestUploadRefusesHostileNames(t *testing.T) {
	for name, path := range hostilePaths {
		if path == "" {
			continue // a browser's empty choice: see TestUpload
		}
		above := t.TempDir()
		s := newStoreAt(t, filepath.Join(above, "w"), Limits{})
		contentType, body := form(t, "task_id=n", "files@good=a", "files@"+path+"=b")
		if status, text := post(t, newServer(t, s), contentType, bytes.NewReader(body)); status != 400 {
			t.Errorf("%s: %d %s, want 400", name, status, text)
		}
		for _, left := range tree(t, above) {
			if left != "w/" && left != "w/tasks/" && left != "w/tasks/.staging/" {
				t.Errorf("%s left %s", name, left)
			}
		}
	}
}

func TestUploadDoesNotFollowLinks(t *testing.T) {
	s := newStore(t, Limits{})
	put(t, s, "n", "f", "a")
	put(t, s, "other", "f", "theirs")
	dir, _ := s.Dir("n")
	for link, target := range map[string]string{"out": t.TempDir(), "sibling": "../task_other", "file": "../task_other/f"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	srv := newServer(t, s)
	for _, name := range []string{"out/x", "sibling/x"} {
		contentType, body := form(t, "task_id=n", "files@g=1", "files@"+name+"=2")
		if status, text := post(t, srv, contentType, bytes.NewReader(body)); status != 400 || !strings.Contains(text, "escapes") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	contentType, body := form(t, "task_id=n", "files@file=mine")
	if status, text := post(t, srv, contentType, bytes.NewReader(body)); status != 200 {
		t.Errorf("replacing a link: %d %s", status, text)
	}
	if got := read(t, filepath.Join(tasksDir(s), "task_other", "f")); got != "theirs" {
		t.Errorf("the link's target was changed to %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "g")); err == nil {
		t.Error("a refused upload left a file")
	}
}

func TestUploadWithoutMultipart(t *testing.T) {
	srv := newServer(t, newStore(t, Limits{}))
	tests := []struct{ contentType, body, want string }{
		{"application/json", `{"task_id": "x"}`, `{"error":"Task ID is required"}`},
		{"application/x-www-form-urlencoded", "task_id=x", `{"error":"No files uploaded"}`},
		{"application/x-www-form-urlencoded", "", `{"error":"Task ID is required"}`},
		{"multipart/form-data", "no boundary", `{"error":"Task ID is required"}`},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=task_id\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=files; filename=f\r\n\r\nhal", `{"error":"receive file f: read the form: unexpected EOF"}`},
		{"multipart/form-data; boundary=b", "not a form", `{"error":"read the form: multipart: NextPart: EOF"}`},
	}
	for _, tt := range tests {
		if status, text := post(t, srv, tt.contentType, strings.NewReader(tt.body)); status != 400 || text != tt.want {
			t.Errorf("%s %q: %d %s, want 400 %s", tt.contentType, tt.body, status, text, tt.want)
		}
	}
}

func TestPreflight(t *testing.T) {
	srv := newServer(t, newStore(t, Limits{}))
	resp, _ := do(t, srv, "OPTIONS /upload_files Origin=http://elsewhere Access-Control-Request-Method=POST", "", "")
	for key, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST, OPTIONS",
		"Access-Control-Allow-Headers": "Content-Type, Authorization", "Access-Control-Allow-Credentials": "",
	} {
		if got := resp.Header.Get(key); got != want || resp.StatusCode != 204 {
			t.Errorf("%d %s: %q, want 204 %q", resp.StatusCode, key, got, want)
		}
	}
	h, err := NewHandler(HandlerOptions{Store: newStore(t, Limits{}), Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	resp, _ = do(t, serve(t, h), "OPTIONS /upload_files", "", "")
	if len(resp.Header.Values("Access-Control-Allow-Origin")) != 0 {
		t.Error("CORS headers without the option")
	}
	if resp, _ := do(t, srv, "GET /upload_files", "", ""); resp.StatusCode != 405 || resp.Header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("GET: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestHalfAnUploadLeavesNothing(t *testing.T) {
	s := newStore(t, Limits{})
	srv := newServer(t, s)
	contentType, body := form(t, "task_id=n", "files@a=whole", "files@b="+strings.Repeat("x", 200_000))
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /upload_files HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body))
	if _, err := conn.Write(body[:100_000]); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the upload to arrive in part", func() bool { return len(tree(t, tasksDir(s))) == 3 }) // a folder and two files
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it to be cleared", func() bool { return len(tree(t, tasksDir(s))) == 0 })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited 5 s for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestConcurrentUploadsOfOneFile(t *testing.T) {
	s := newStore(t, Limits{})
	srv := newServer(t, s)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			content := strings.Repeat(fmt.Sprint(i), 50_000)
			contentType, body := form(t, "task_id=n", "files@a="+content, "files@b="+content)
			if status, text := post(t, srv, contentType, bytes.NewReader(body)); status != 200 {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	wg.Wait()
	dir, _ := s.Dir("n")
	a, b := read(t, filepath.Join(dir, "a")), read(t, filepath.Join(dir, "b"))
	if a != b || len(a) != 50_000 || strings.Count(a, a[:1]) != len(a) {
		t.Errorf("files of different uploads, or mixed: %.5s of %d bytes, %.5s of %d", a, len(a), b, len(b))
	}
	if got := tree(t, tasksDir(s)); len(got) != 3 {
		t.Errorf("left behind: %v", got)
	}
}

// FuzzUpload feeds arbitrary bodies to the form reader: it must not panic, must
// answer with one of its statuses, and must write only inside of tasks.
func FuzzUpload(f *testing.F) {
	for _, parts := range [][]string{
		{"task_id=n", "files@server.py=a"}, {"files@../x=a", "task_id=n"}, {"task_id=n", "files@a/b=1", "files@a=2"}, {"task_id=", "x=y"},
	} {
		contentType, body := form(f, parts...)
		f.Add(strings.ReplaceAll(string(body), strings.TrimPrefix(contentType, "multipart/form-data; boundary="), "b"))
	}
	f.Add("--b\r\nContent-Disposition: form-data; name=files; filename*=utf-8''..%2fx\r\n\r\na\r\n--b--")
	work := f.TempDir()
	s, err := NewStore(filepath.Join(work, "w"), Limits{FileBytes: 1000, TotalBytes: 3000, Files: 4})
	if err != nil {
		f.Fatal(err)
	}
	h, err := NewHandler(HandlerOptions{Store: s, Credentials: credentials})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest(http.MethodPost, "/upload_files", strings.NewReader(body))
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != 200 && w.Code != 400 && w.Code != 413 {
			t.Errorf("status %d %s", w.Code, w.Body)
		}
		for _, name := range tree(t, work) {
			if !strings.HasPrefix(name, "w/tasks/task_") && name != "w/" && name != "w/tasks/" && name != "w/tasks/.staging/" {
				t.Errorf("left %q", name)
			}
		}
		tasks, _ := filepath.Glob(filepath.Join(work, "w/tasks/task_*"))
		for _, task := range tasks {
			os.RemoveAll(task)
		}
	})
}

// An upload may take longer than the server has for an answer.
func TestLongUpload(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, Limits{})
			h, err := NewHandler(HandlerOptions{Store: s, Credentials: credentials, AllowOrigin: "*"})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewUnstartedServer(h)
			srv.EnableHTTP2, srv.Config.WriteTimeout, srv.Config.ReadTimeout = h2, time.Second, time.Second
			srv.StartTLS()
			t.Cleanup(srv.Close)
			contentType, body := form(t, "task_id=t1", "files@a.py=hello")
			piece, feed := io.Pipe()
			go func() {
				for i := range body {
					if i == len(body)/3 || i == len(body)/2 {
						time.Sleep(800 * time.Millisecond)
					}
					_, _ = feed.Write(body[i : i+1])
				}
				feed.Close()
			}()
			if status, text := post(t, srv, contentType, piece); status != http.StatusOK {
				t.Errorf("%d %s", status, text)
			}
		})
	}
}
