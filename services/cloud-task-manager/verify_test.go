package cloudtaskmanager

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// signed gives a task files and their bundle, and returns the digest of that.
func (c *cloud) signed(id string, k bundle.PrivateKey, files map[string]string) string {
	c.Helper()
	var list []bundle.File
	for name, text := range files {
		f, err := bundle.Describe(name, strings.NewReader(text))
		if err != nil {
			c.Fatal(err)
		}
		list = append(list, f)
		c.file(id, name, text)
	}
	manifest, signature, err := bundle.Sign(id, list, time.Now(), k)
	if err != nil {
		c.Fatal(err)
	}
	c.file(id, bundle.ManifestName, string(manifest))
	c.file(id, bundle.SignatureName, string(signature))
	return bundle.Digest(manifest)
}

func newSigner(t testing.TB) bundle.PrivateKey {
	t.Helper()
	k, err := bundle.NewKey("ada")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// trusting is a manager that starts only what the keys signed.
func trusting(t testing.TB, keys ...bundle.PrivateKey) func(*Options) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trusted")
	text := ""
	for _, k := range keys {
		text += k.Public().String() + "\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.TrustedKeys = path }
}

// With an allow-list the cloud starts what was signed, and says of the rest why not.
func TestServersAreVerified(t *testing.T) {
	c := newCloud(t)
	ada, bob := newSigner(t), newSigner(t)
	c.manager(trusting(t, ada))
	files := func() map[string]string {
		return map[string]string{"server.py": preamble + "import lib\n" + forever, "lib.py": "x = 1\n", "client.py": ""}
	}
	start := contract.StartTaskRequest{TaskID: "a"}
	c.create("a", "")
	// What peers test for comes first, as without an allow-list.
	if text := refused(c, contract.StartServerTask, start, rpc.NotFound); !strings.HasPrefix(text, "Directory '") {
		t.Errorf("got %q", text)
	}
	for name, change := range map[string]func(){
		"is not trusted: it has no file agata-bundle.json": func() { c.file("a", "server.py", preamble+forever) },
		"is not in the allow-list":                         func() { c.signed("a", bob, files()) },
		`"lib.py" differs`:                                 func() { c.signed("a", ada, files()); c.file("a", "lib.py", "x = 2\n") },
		`"evil.py" is not among them`:                      func() { c.signed("a", ada, files()); c.file("a", "evil.py", "") },
		`"more.py" is missing`: func() {
			with := files()
			with["more.py"] = ""
			c.signed("a", ada, with)
			c.remove("a", "more.py")
		},
		"was signed for task b": func() {
			c.file("a", "server.py", preamble+forever)
			c.signed("b", ada, files())
			for _, name := range []string{bundle.ManifestName, bundle.SignatureName} {
				c.file("a", name, c.content("b", name))
			}
		},
	} {
		c.remove("a", "evil.py", "more.py", bundle.ManifestName, bundle.SignatureName)
		change()
		if text := refused(c, contract.StartServerTask, start, rpc.Forbidden); !strings.Contains(text, name) || !strings.Contains(text, "agata task upload --sign") {
			t.Errorf("%s: %q", name, text)
		}
		if s := c.summary("a"); s.State != string(stateNew) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	c.remove("a", "evil.py", "more.py")
	digest := c.signed("a", ada, files())
	c.user(contract.User{ID: "u"})
	for range 2 { // Python's compiled code of the first does not keep back the second
		c.start("a")
		c.eventually("Python left compiled code", func() bool {
			_, err := os.Stat(filepath.Join(c.dir, "work", "tasks", "task_a", "__pycache__"))
			return err == nil
		})
		if tasks := must(c, contract.RequestTasks, contract.UserIDRequest{UserID: "u"}); len(tasks) != 1 || tasks[0].Bundle != digest {
			t.Errorf("offered %+v", tasks)
		}
		c.halt("a")
	}
}

// A trigger is verified as the server was: it may have been replaced since.
func TestTriggersAreVerified(t *testing.T) {
	c := newCloud(t)
	ada := newSigner(t)
	m := c.manager(trusting(t, ada))
	c.create("a", "")
	go1 := filepath.Join(c.dir, "go")
	mark := filepath.Join(c.dir, "mark")
	c.signed("a", ada, map[string]string{
		"server.py": preamble + "while True:\n    if os.path.exists('" + go1 + "'):\n        os.remove('" + go1 + "')\n        report(type='trigger', trigger_name='tr', trigger_arguments='')\n    time.sleep(0.01)\n",
		"tr.py":     "open('" + mark + "', 'a').write('x')\n",
	})
	c.start("a")
	fire := func() {
		t.Helper()
		if err := os.WriteFile(go1, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fire()
	c.eventually("the trigger ran", func() bool { _, err := os.Stat(mark); return err == nil })
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	c.file("a", "tr.py", "open('"+mark+"', 'a').write('evil')\n")
	fire()
	c.eventually("the trigger was refused", func() bool { return strings.Contains(m.log.String(), `\"tr.py\" differs`) })
	if _, err := os.Stat(mark); err == nil {
		t.Error("a replaced trigger ran")
	}
}

func (c *cloud) content(id, name string) string {
	c.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "work", "tasks", "task_"+id, name))
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

func (c *cloud) remove(id string, names ...string) {
	c.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(c.dir, "work", "tasks", "task_"+id, name)); err != nil {
			c.Fatal(err)
		}
	}
}

// A revoked bundle is neither offered nor run, now or after a restart.
func TestRevocation(t *testing.T) {
	c := newCloud(t)
	ada := newSigner(t)
	m := c.manager()
	c.user(contract.User{ID: "u"})
	c.create("a", "")
	c.create("b", "")
	// Deaf to SIGTERM: what is revoked gets no grace.
	deaf := map[string]string{"server.py": preamble + "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nreport(type='model', round='1', acc='1')\n" + forever}
	digest := c.signed("a", ada, deaf)
	c.signed("b", ada, deaf)
	c.start("a")
	c.start("b")
	c.eventually("a is deaf", func() bool { return c.summary("a").Round == "1" })
	if got := c.offered("u"); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("offered %v", got)
	}
	began := time.Now()
	for range 2 {
		must(c, contract.RevokeBundle, contract.RevokeRequest{Digest: digest, TaskID: "a", Reason: "a leak"})
	}
	if got := c.offered("u"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("offered %v", got)
	}
	line := c.becomes("a", stateStopped)
	if took := time.Since(began); took > 1800*time.Millisecond { // the grace is 2 s
		t.Errorf("the server ended after %s", took)
	}
	if !strings.HasPrefix(line.Reason, "revoked: ") {
		t.Errorf("the reason is %q", line.Reason)
	}
	start := contract.StartTaskRequest{TaskID: "a"}
	if text := refused(c, contract.StartServerTask, start, rpc.Forbidden); !strings.Contains(text, "was revoked") {
		t.Errorf("got %q", text)
	}
	list := must(c, contract.ListRevocations, contract.RevocationsRequest{})
	if len(list.Revocations) != 1 || list.Total != 1 || list.Revocations[0].Digest != digest || list.Revocations[0].TaskID != "a" ||
		list.Revocations[0].Reason != "a leak" || list.Revocations[0].Revoked < float64(began.Unix()) {
		t.Errorf("the list: %+v", list)
	}
	why := must(c, contract.ExplainTask, contract.ExplainRequest{TaskID: "a", UserID: "u"})
	if why.Offered || !slices.ContainsFunc(why.Clauses, func(cl contract.Clause) bool { return cl.Detail == "it was revoked" }) {
		t.Errorf("explained %+v", why)
	}
	m.stop()
	c.manager()
	refused(c, contract.StartServerTask, start, rpc.Forbidden)
	// A new bundle of the same task may run.
	c.signed("a", ada, map[string]string{"server.py": preamble + forever})
	c.start("a")
	if got := c.offered("u"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("offered %v", got)
	}
}

// A service that died between the record of a revocation and the end of the
// server ends it when it is back.
func TestRevokedWhileAway(t *testing.T) {
	c := newCloud(t)
	m := c.manager(keepTasks)
	c.create("a", "")
	digest := c.signed("a", newSigner(t), map[string]string{"server.py": preamble + forever})
	c.start("a")
	if err := m.store.revoke(t.Context(), contract.RevokeRequest{Digest: digest}, time.Now()); err != nil {
		t.Fatal(err)
	}
	m.stop()
	c.manager()
	if line := c.becomes("a", stateStopped); !strings.HasPrefix(line.Reason, "revoked: ") {
		t.Errorf("the reason is %q", line.Reason)
	}
}

// A list is read on from where somebody has come to, in this list alone.
func TestListOfRevocations(t *testing.T) {
	c := newCloud(t)
	c.manager()
	digest := func(n byte) string { return strings.Repeat("0", 63) + string('a'+rune(n)) }
	must(c, contract.RevokeBundle, contract.RevokeRequest{Digest: digest(0), Others: []string{digest(1), digest(2)}})
	read := func(after string, limit int) contract.RevocationList {
		t.Helper()
		return must(c, contract.ListRevocations, contract.RevocationsRequest{After: after, Limit: limit})
	}
	first := read("", 2)
	if len(first.Revocations) != 2 || first.Total != 3 || first.Revocations[0].Digest != digest(0) {
		t.Fatalf("got %+v", first)
	}
	second := read(first.Next, 2)
	if len(second.Revocations) != 1 || second.Revocations[0].Digest != digest(2) {
		t.Errorf("got %+v", second)
	}
	if end := read(second.Next, 2); len(end.Revocations) != 0 || end.Next != second.Next {
		t.Errorf("at the end: %+v", end)
	}
	must(c, contract.RevokeBundle, contract.RevokeRequest{Digest: digest(3), Others: []string{digest(0)}})
	if more := read(second.Next, 2); len(more.Revocations) != 1 || more.Revocations[0].Digest != digest(3) {
		t.Errorf("what came since: %+v", more)
	}
	for _, other := range []string{"x", "0000.2", strings.Replace(second.Next, ".", ".x", 1), strings.Replace(second.Next, ".", ".-", 1)} {
		if all := read(other, 0); len(all.Revocations) != 4 {
			t.Errorf("after %q: %+v", other, all)
		}
	}
}

// What clients are told of the bundle follows the files.
func TestOfferFollowsTheBundle(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.user(contract.User{ID: "u"})
	c.task("a", forever)
	c.start("a")
	bundleOf := func() string {
		t.Helper()
		tasks := must(c, contract.RequestTasks, contract.UserIDRequest{UserID: "u"})
		if len(tasks) == 0 {
			return "none"
		}
		return tasks[0].Bundle
	}
	if got := bundleOf(); got != "" {
		t.Errorf("without a bundle: %q", got)
	}
	digest := c.signed("a", newSigner(t), map[string]string{"client.py": ""})
	files, err := m.files.List("a")
	if err != nil {
		t.Fatal(err)
	}
	m.received(t.Context(), "a", files)
	if got := bundleOf(); got != digest {
		t.Errorf("after the upload: %q, want %q", got, digest)
	}
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Host: ptr("h")})
	if got := bundleOf(); got != digest {
		t.Errorf("after an update: %q, want %q", got, digest)
	}
	must(c, contract.RevokeBundle, contract.RevokeRequest{Digest: digest})
	if got := bundleOf(); got != "none" {
		t.Errorf("a revoked bundle is offered: %q", got)
	}
	if !c.running("a") { // it was started before there was a bundle
		t.Error("the server was ended")
	}
}
