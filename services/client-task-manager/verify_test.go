package clienttaskmanager

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// fetched is a client that has fetched a signed task, and is about to start it.
func fetched(t *testing.T) (s *Service, task contract.OfferedTask, dir, digest string) {
	t.Helper()
	work := t.TempDir()
	key, err := bundle.NewKey("ada")
	if err != nil {
		t.Fatal(err)
	}
	s = &Service{log: slog.New(slog.DiscardHandler), opt: Options{Work: work, TrustedKeys: filepath.Join(work, "trusted")}}
	if s.revoked, err = openRevoked(work); err != nil {
		t.Fatal(err)
	}
	put(t, s.opt.TrustedKeys, key.Public().String()+"\n")
	task = contract.OfferedTask{ID: "a", FilesPaths: []string{"client.py", "lib/x.py", "client.py", bundle.ManifestName}}
	dir = s.taskDir("a")
	var list []bundle.File
	for name, text := range map[string]string{"client.py": "1", "lib/x.py": "2", "server.py": "3"} {
		f, err := bundle.Describe(name, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if list = append(list, f); name != "server.py" {
			put(t, filepath.Join(dir, name), text)
		}
	}
	manifest, signature, err := bundle.Sign("a", list, time.Now(), key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, bundle.ManifestName), string(manifest))
	put(t, filepath.Join(dir, bundle.SignatureName), string(signature))
	return s, task, dir, bundle.Digest(manifest)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Whatever happens between the download and the start is seen right before the
// start.
func TestVerifiedRightBeforeTheStart(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(t *testing.T, s *Service, dir, digest string)
		want   policy.Reason // "" is none
	}{
		"nothing":         {func(*testing.T, *Service, string, string) {}, ""},
		"a file replaced": {func(t *testing.T, _ *Service, dir, _ string) { put(t, filepath.Join(dir, "lib/x.py"), "4") }, contract.ReasonBadDigest},
		"a file beside":   {func(t *testing.T, _ *Service, dir, _ string) { put(t, filepath.Join(dir, "lib/y.py"), "4") }, contract.ReasonBadDigest},
		"compiled code": {func(t *testing.T, _ *Service, dir, _ string) {
			put(t, filepath.Join(dir, "lib/__pycache__/x.pyc"), "4")
		}, contract.ReasonBadDigest},
		"the signature":     {func(t *testing.T, _ *Service, dir, _ string) { put(t, filepath.Join(dir, bundle.SignatureName), "4") }, contract.ReasonUntrusted},
		"the allow-list":    {func(t *testing.T, s *Service, _, _ string) { put(t, s.opt.TrustedKeys, "") }, contract.ReasonUntrusted},
		"no allow-list":     {func(t *testing.T, s *Service, _, _ string) { _ = os.Remove(s.opt.TrustedKeys) }, contract.ReasonUntrusted},
		"revoked":           {func(_ *testing.T, s *Service, _, digest string) { _ = s.revoked.add(digest) }, contract.ReasonRevoked},
		"another's revoked": {func(_ *testing.T, s *Service, _, _ string) { _ = s.revoked.add(strings.Repeat("0", 64)) }, ""},
		"the folder a link": {func(t *testing.T, _ *Service, dir, _ string) {
			if err := errors.Join(os.Rename(dir, dir+".away"), os.Symlink(dir+".away", dir)); err != nil {
				t.Fatal(err)
			}
		}, contract.ReasonBadDigest},
	} {
		t.Run(name, func(t *testing.T) {
			s, task, dir, digest := fetched(t)
			tc.change(t, s, dir, digest)
			got, err := s.verify(task, "")
			switch {
			case tc.want == "" && (err != nil || got != digest):
				t.Errorf("%q, %v", got, err)
			case tc.want != "" && (err == nil || s.verdict(err, contract.ReasonStartFailed) != tc.want):
				t.Errorf("%v", err)
			}
		})
	}
	s, task, _, _ := fetched(t)
	task.ID = "b"
	if _, err := s.verify(task, ""); err == nil {
		t.Error("a task without a folder may start")
	}
}

func TestRevokedList(t *testing.T) {
	dir := t.TempDir()
	l, err := openRevoked(dir)
	if err != nil {
		t.Fatal(err)
	}
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	if err := errors.Join(l.add(one), l.add(one, two), l.check(""), l.check(strings.Repeat("3", 64))); err != nil {
		t.Error(err)
	}
	for range 2 {
		for _, digest := range []string{one, two} {
			if err := l.check(digest); !errors.Is(err, errRevoked) {
				t.Errorf("%s: %v", digest, err)
			}
		}
		if l, err = openRevoked(dir); err != nil { // over a restart
			t.Fatal(err)
		}
	}
	if err := l.add("x"); err == nil {
		t.Error("a text that is no digest was taken")
	}
	// What cannot be written holds all the same, and is written later.
	three := strings.Repeat("3", 64)
	path := l.path
	l.path = filepath.Join(dir, "none", "revoked.json")
	if err := l.add(three); err == nil || !errors.Is(l.check(three), errRevoked) {
		t.Errorf("without a disk: %v", err)
	}
	l.path = path
	if err := l.add(three); err != nil {
		t.Error(err)
	}
	if l, err = openRevoked(dir); err != nil || !errors.Is(l.check(three), errRevoked) {
		t.Errorf("it was not written later: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	// A client that cannot read its list does not start.
	for name, text := range map[string]string{"cut short": `{"version":1,"digests":["`, "another version": `{"version":2}`, "no digest": `{"version":1,"digests":["x"]}`,
		"two": `{"version":1,"digests":[]}{}`, "unknown": `{"version":1,"digests":[],"x":1}`, "empty": ""} {
		put(t, path, text)
		if _, err := openRevoked(dir); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevokedListIsBounded(t *testing.T) {
	l, err := openRevoked(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for n := range maxRevoked {
		l.digests[fmt.Sprintf("%064x", n)] = true
	}
	if err := l.add(strings.Repeat("f", 64)); err == nil {
		t.Error("the list grew beyond its bound")
	}
	if err := l.save(); err != nil {
		t.Fatal(err)
	}
	if back, err := openRevoked(filepath.Dir(l.path)); err != nil || len(back.digests) != maxRevoked {
		t.Errorf("a full list: %v", err)
	}
}

func FuzzDecodeRevoked(f *testing.F) {
	f.Add([]byte(`{"version":1,"digests":["` + strings.Repeat("a", 64) + `"]}`))
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		digests, err := decodeRevoked(text)
		if err == nil && len(digests) > maxRevoked {
			t.Errorf("%d digests", len(digests))
		}
		for digest := range digests {
			if !bundle.ValidDigest(digest) {
				t.Errorf("%q", digest)
			}
		}
	})
}
