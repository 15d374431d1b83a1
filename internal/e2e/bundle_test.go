package e2e

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/pkg/contract"
)

// signer is one who signs tasks.
func signer(t testing.TB, name string) bundle.PrivateKey {
	t.Helper()
	k, err := bundle.NewKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// trust writes an allow-list, which the services started from now on go by.
func (w *world) trust(keys ...bundle.PrivateKey) {
	w.Helper()
	text := "# who may have code run here\n"
	for _, k := range keys {
		text += k.Public().String() + "\n"
	}
	w.set["tasks.trusted_keys"] = filepath.Join(w.dir, "trusted")
	if err := os.WriteFile(w.set["tasks.trusted_keys"], []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
}

// sign makes the bundle of a task of these files, as they are given to upload.
func sign(t testing.TB, task string, k bundle.PrivateKey, files map[string]string) (manifest, signature string) {
	t.Helper()
	var list []bundle.File
	for name, text := range files {
		f, err := bundle.Describe(name, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	m, s, err := bundle.Sign(task, list, time.Now(), k)
	if err != nil {
		t.Fatal(err)
	}
	return string(m), string(s)
}

// send uploads files of a task.
func (w *world) send(task string, files map[string]string) {
	w.Helper()
	var flat []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		flat = append(flat, name, files[name])
	}
	if a := w.upload(task, flat...); a.status != http.StatusOK {
		w.Fatalf("upload of task %s: %d %s", task, a.status, a.body)
	}
}

// signedTask registers, uploads and signs a task, and returns its files with the
// bundle's.
func (w *world) signedTask(id string, k bundle.PrivateKey, server, client string) map[string]string {
	w.Helper()
	files := map[string]string{"server.py": prelude + server, "client.py": prelude + client, "helper.py": "x = 1\n"}
	m, s := sign(w, id, k, files)
	files[bundle.ManifestName], files[bundle.SignatureName] = m, s
	w.send(id, files)
	must(w, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: id, Host: "127.0.0.1", Port: 8080, Username: "user", Password: "123",
		FilesPaths: []string{"client.py", "helper.py"}})
	return files
}

const (
	helped = "import helper\nnote('helper', helper.x)\n" + forever
	stays  = "say(type='info', info='Started')\n" + forever
)

// A client with an allow-list runs what a trusted signer signed, and nothing else.
func TestSignedTaskRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := signer(t, "ada")
	w.serveCloud()
	w.trust(ada)
	w.serveClient()
	w.signedTask("a", ada, stays, helped)
	w.start("a")
	e := w.runs("a")
	if w.noted("client", "helper") != "1" {
		t.Error("not the signed helper ran")
	}
	dir := filepath.Join(w.dir, "client", "client", "tasks", "task_a")
	for _, name := range []string{bundle.ManifestName, bundle.SignatureName, "client.py", "helper.py"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "server.py")); err == nil {
		t.Error("the client fetched what it does not run")
	}

	// What is left in the folder by others is not there at the next start.
	for _, name := range []string{"json.py", "helper.so", "__pycache__/helper.cpython-399.pyc", "os/__init__.py"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("raise SystemExit('evil')"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "helper.py"), []byte("x = 666\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	kill(t, e.PID)
	w.eventually("the killed copy is noticed", func() bool { return len(w.status().Running) == 0 })
	must(t, w.device, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "a"})
	w.eventually("the helper ran again", func() bool { return len(w.notes("client", "helper")) == 2 })
	if got := w.notes("client", "helper"); got[1] != "1" {
		t.Errorf("what was signed is not what ran: %v", got)
	}
}
