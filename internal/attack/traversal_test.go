package attack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/ticket"
	"github.com/agata-fl/agata/pkg/rpc"
)

// hostile are names that lead elsewhere, or that some system takes for such.
func hostile(w *world) []string {
	return []string{
		"../outside.txt", "../../outside.txt", "../task_victim/secret.txt", "a/../../outside.txt", "./../outside.txt", "a/..", "..", ".",
		"/etc/passwd", filepath.Join(w.dir, "outside.txt"), "//outside.txt", "a//b", "a/./b",
		`..\outside.txt`, `a\..\..\outside.txt`, `C:\outside.txt`, `\\host\share`,
		"a\x00.py", "../outside.txt\x00.py", "a\nb", "a\rb", "\u202etxt.py", "\ufeffa",
		"\uff0e\uff0e/outside.txt\u200b", "..\u2215outside.txt\u200b", "%2e%2e/\x7f", "\xc0\xae\xc0\xae/outside.txt",
		strings.Repeat("a", 300), strings.Repeat("a/", 20) + "b", strings.Repeat("b/", 600) + "c", "client.py.partial", "a/",
	}
}

// spellings are ways to write a name in a URL.
func spellings(name string) []string {
	once := strings.ReplaceAll(url.PathEscape(name), ".", "%2e")
	return []string{url.PathEscape(name), once, strings.ReplaceAll(once, "%", "%25"), (&url.URL{Path: "/" + name}).EscapedPath()[1:]}
}

func TestNoUploadLeavesItsTasksFolder(t *testing.T) {
	w := newWorld(t)
	w.task("own")
	w.task("victim", "secret.txt", "secret")
	before := w.tree()
	for _, name := range hostile(w) {
		for _, path := range spellings(name)[:2] { // one that is encoded twice is a name like another
			if a := w.ask("operator", "PUT", "/api/v1/tasks/own/files/"+path, "evil"); a.status < 300 || a.status >= 500 {
				t.Errorf("%q: %v", name, a)
			}
		}
		text, _, err := ticket.Mint(w.key, ticket.Upload, "own", rpc.Identity{Kind: rpc.Operator, Name: "operator", Role: "operator"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if a := w.form(text, "own", name, "evil"); a.status != 400 && a.status != 413 {
			t.Errorf("a form with %q: %v", name, a)
		}
		if a := w.form(text, name, "x.py", "evil"); a.status != 400 && a.status != 403 {
			t.Errorf("a form for the task %q: %v", name, a)
		}
	}
	w.unchanged(before)
	if b, err := os.ReadFile(filepath.Join(w.data, "cloud", "tasks", "task_victim", "secret.txt")); err != nil || string(b) != "secret" {
		t.Errorf("the other task's file is now %q, %v", b, err)
	}
}

// form uploads one file by the wire's form.
func (w *world) form(token, task, name, content string) answer {
	w.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if err := form.WriteField("task_id", task); err != nil {
		w.Fatal(err)
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="files"; filename="%s"`, quote.Replace(name))}})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := part.Write([]byte(content)); err != nil {
		w.Fatal(err)
	}
	if err := form.Close(); err != nil {
		w.Fatal(err)
	}
	return w.send("http://"+w.files, "POST", "/upload_files", &b, "Content-Type", form.FormDataContentType(), "Authorization", "Bearer "+token)
}

func TestNoDownloadLeavesItsTasksFolder(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	w.task("victim", "secret.txt", "s3cret-content")
	w.write("outside.txt", "s3cret-content")
	w.write("cloud/cloud/tasks/outside.txt", "s3cret-content")
	text, _, err := ticket.Mint(w.key, ticket.Download, "own", rpc.Identity{Kind: rpc.Client, Name: "c1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	names := append(hostile(w), "../task_victim/secret.txt", "../../cloud.key", "../../access.db", "../../../cloud/cloud.key")
	for _, name := range names {
		for _, path := range spellings(name) {
			for _, a := range []answer{
				w.ask("viewer", "GET", "/api/v1/tasks/own/files/"+path, ""),
				w.send("http://"+w.files, "GET", "/download/own/"+path, nil, "Authorization", "Bearer "+text),
				w.send("http://"+w.files, "GET", "/download/"+path, nil, "Authorization", "Bearer "+text),
			} {
				if a.status < 300 || a.status >= 500 || strings.Contains(a.body, "s3cret-content") || strings.Contains(a.body, keyText) {
					t.Errorf("%q as %s: %v", name, path, a)
				}
				if to := a.header.Get("Location"); to != "" && (to[0] != '/' || strings.HasPrefix(to, "//") || strings.Contains(to, "..")) {
					t.Errorf("%q as %s leads to %s", name, path, to)
				}
			}
		}
	}
}

func TestNoTaskListsFilesThatLieElsewhere(t *testing.T) {
	w := newWorld(t)
	for i, name := range hostile(w) {
		body, err := json.Marshal(map[string]any{"task_id": fmt.Sprintf("t%d", i), "host": "h", "port": 1, "username": "u", "password": "p", "files_paths": []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		if a := w.ask("operator", "POST", "/rpc_exec_create_task", string(body)); a.status != 400 && !strings.Contains(name, "\xc0") { // which JSON makes U+FFFD
			t.Errorf("%q: %v", name, a)
		}
	}
	for _, id := range []string{"..", "../x", "a/b", `a\b`, "a\x00", ".hidden", "-rf", strings.Repeat("a", 129), ""} {
		body, err := json.Marshal(map[string]any{"task_id": id, "host": "h", "port": 1, "username": "u", "password": "p", "files_paths": []string{}})
		if err != nil {
			t.Fatal(err)
		}
		if a := w.ask("operator", "POST", "/rpc_exec_create_task", string(body)); a.status != 400 {
			t.Errorf("the task %q: %v", id, a)
		}
	}
}
