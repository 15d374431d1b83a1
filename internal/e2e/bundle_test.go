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
	for _, name := range []string{"further.py", "helper.so", "__pycache__/helper.cpython-399.pyc", "os/__init__.py"} {
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

// What is not signed for this very task by one who is trusted does not run, and
// the client says why.
func TestUntrustedTasksDoNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, eve := signer(t, "ada"), signer(t, "eve")
	w.serveCloud()
	w.trust(ada)
	w.set["client.params.policy"], w.set["client.params.max_tasks"] = "all", "10"
	w.serveClient()
	const evil = "note('ran', sys.argv[0])\n" + forever
	sent := func(id string, files map[string]string, paths ...string) {
		t.Helper()
		w.send(id, files)
		must(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: id, Host: "127.0.0.1", Port: 8080, Username: "user", Password: "123", FilesPaths: paths})
		w.start(id)
	}
	plain := func() map[string]string {
		return map[string]string{"server.py": prelude + stays, "client.py": prelude + evil}
	}
	signedBy := func(k bundle.PrivateKey, task string, files map[string]string) map[string]string {
		t.Helper()
		signed := maps.Clone(files)
		signed[bundle.ManifestName], signed[bundle.SignatureName] = sign(t, task, k, files)
		return signed
	}
	with := func(files map[string]string, name, text string) map[string]string {
		files[name] = text
		return files
	}
	flipped := func(files map[string]string, name string) map[string]string {
		text := []byte(files[name])
		text[len(text)/2] ^= 1
		return with(files, name, string(text))
	}
	want := map[string]string{}
	for id, tc := range map[string]struct {
		reason string
		files  map[string]string
		more   string // a further file that clients are to fetch
	}{
		"unsigned":  {"untrusted", plain(), ""},
		"stranger":  {"untrusted", signedBy(eve, "stranger", plain()), ""},
		"other":     {"untrusted", signedBy(ada, "another", plain()), ""},
		"manifest":  {"untrusted", flipped(signedBy(ada, "manifest", plain()), bundle.ManifestName), ""},
		"signature": {"untrusted", flipped(signedBy(ada, "signature", plain()), bundle.SignatureName), ""},
		"huge":      {"untrusted", with(signedBy(ada, "huge", plain()), bundle.ManifestName, strings.Repeat(" ", bundle.MaxManifest+1)), ""},
		"further":   {"untrusted", with(signedBy(ada, "further", plain()), "further.py", evil), "further.py"},
		"flipped":   {"bad_digest", flipped(signedBy(ada, "flipped", plain()), "client.py"), ""},
		"longer":    {"bad_digest", with(signedBy(ada, "longer", plain()), "client.py", prelude+evil+"#"), ""},
	} {
		paths := []string{"client.py"}
		if tc.more != "" {
			paths = append(paths, tc.more)
		}
		sent(id, tc.files, paths...)
		want[id] = tc.reason
	}
	for id, reason := range want {
		if got := w.held(id); got != reason {
			t.Errorf("%s: %s, want %s", id, got, reason)
		}
	}
	if ran := w.notes("client", "ran"); len(ran) != 0 {
		t.Errorf("ran: %v", ran)
	}
	// The allow-list is read anew, and a task that is signed runs, with no restart.
	w.trust(ada, eve)
	w.runs("stranger")
	w.send("unsigned", signedBy(ada, "unsigned", plain()))
	w.runs("unsigned")
	// A list that cannot be read trusts nobody.
	if err := os.WriteFile(w.set["tasks.trusted_keys"], []byte("ada\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.send("other", signedBy(ada, "other", plain()))
	sent("late", signedBy(ada, "late", plain()), "client.py")
	if got := w.held("late"); got != "untrusted" {
		t.Errorf("with a broken allow-list: %s", got)
	}
}

// A bundle is revoked while a client runs it: its processes end, the cloud's as
// well, and it does not start again, not even on a client that comes back without
// a network; a client that was away hears of it when it is back.
func TestRevocation(t *testing.T) {
	for name, trusting := range map[string]bool{"with an allow-list": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada := signer(t, "ada")
			cloud := w.serveCloud()
			if trusting {
				w.trust(ada)
			}
			w.set["tasks.grace"] = "30" // nobody waits for it
			client := w.serve("client-gateway", "client-task-manager", keepTasks)
			// Deaf, with a child that left the group.
			files := w.signedTask("a", ada, stays, `signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal,time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"], start_new_session=True)
note("child", child.pid)
`+forever)
			w.start("a")
			pid, child, server := w.runs("a").PID, number(t, w.noted("client", "child")), w.summary("a").PID
			digest := bundle.Digest([]byte(files[bundle.ManifestName]))

			began := time.Now()
			a := request(t, http.MethodPost, w.set["server.gateway.url"]+"/api/v1/revocations", `{"digest":"`+digest+`","task_id":"a","reason":"a test"}`,
				func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
			if a.status != http.StatusNoContent {
				t.Fatalf("revoke: %d %s", a.status, a.body)
			}
			w.eventually("all its processes are gone", func() bool { return !alive(pid) && !alive(child) && !alive(server) })
			took := time.Since(began)
			t.Logf("all processes of a revoked task were gone %s after the operator asked (request_interval 0.3 s)", took.Round(time.Millisecond))
			if took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if s := w.becomes("a", "stopped"); !strings.HasPrefix(s.Reason, "revoked") {
				t.Errorf("the cloud says %q", s.Reason)
			}
			w.eventually("the history knows why", func() bool {
				a := request(t, http.MethodGet, w.set["server.gateway.url"]+"/api/v1/tasks/a/executions?side=client", "")
				return strings.Contains(a.body, `"reason":"revoked"`)
			})

			// A cloud that forgot, or lies: the client remembers, also after a restart.
			client.stop()
			cloud.stop()
			if err := os.Remove(filepath.Join(w.dir, "cloud", "cloud-task-manager.db")); err != nil {
				t.Fatal(err)
			}
			for _, rest := range []string{"-wal", "-shm"} {
				os.Remove(filepath.Join(w.dir, "cloud", "cloud-task-manager.db"+rest)) //nolint:errcheck // it may not be there
			}
			w.serveCloud()
			must(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: "a", Host: "127.0.0.1", Port: 8080, Username: "user", Password: "123",
				FilesPaths: []string{"client.py", "helper.py"}})
			w.start("a")
			w.serveClient()
			if got := w.held("a"); got != "revoked" {
				t.Errorf("the client says %s", got)
			}
			if ran := w.notes("client", "child"); len(ran) != 1 {
				t.Errorf("it ran %d times", len(ran))
			}
		})
	}
}

// A client that was away while a bundle was revoked ends its copy when it is back.
func TestRevokedWhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := signer(t, "ada")
	cloud := w.serveCloud()
	client := w.serve("client-gateway", "client-task-manager", keepTasks)
	files := w.signedTask("a", ada, stays, "note('up')\n"+forever)
	w.start("a")
	pid := w.runs("a").PID
	w.noted("client", "up")
	client.stop()
	must(t, w.operator, contract.RevokeBundle, contract.RevokeRequest{Digest: bundle.Digest([]byte(files[bundle.ManifestName]))})
	if !alive(pid) {
		t.Fatal("the client's side ended without a client")
	}
	// The cloud has been restarted meanwhile.
	cloud.stop()
	w.serveCloud()
	w.set["client.params.request_interval"] = "1"
	began := time.Now()
	w.serveClient()
	w.eventually("its process is gone", func() bool { return !alive(pid) })
	t.Logf("ended %s after the client was back", time.Since(began).Round(time.Millisecond))
	if len(w.notes("client", "up")) != 1 {
		t.Error("it was started again")
	}
}
