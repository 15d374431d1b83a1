package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ada.key")
	ada := newKey(t, "ada")
	if err := ada.Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := newKey(t, "ada").Save(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second key in its place: %v", err)
	}
	back, err := LoadPrivateKey(path)
	if err != nil || back.Name != "ada" || !back.key.Equal(ada.key) {
		t.Fatalf("%q, %v", back.Name, err)
	}
	if line := back.Public().String(); !strings.HasPrefix(line, "agata-ed25519 ") || !strings.HasSuffix(line, " ada") || line != ada.Public().String() {
		t.Errorf("the public key is %q", line)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPrivateKey(path); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
}

func TestPrivateKeyThatIsNone(t *testing.T) {
	const ecdsa = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2
OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r
1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G
-----END PRIVATE KEY-----
`
	good := filepath.Join(t.TempDir(), "k")
	if err := newKey(t, "k").Save(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParsePrivateKey(text, "k"); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "no PEM": "key", "another kind": ecdsa, "two": string(text) + string(text), "trailing data": string(text) + "x",
		"another type": strings.ReplaceAll(string(text), "PRIVATE", "SECRET"), "broken": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		if _, err := ParsePrivateKey([]byte(text), "k"); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "two words", "-x", "a/b", strings.Repeat("x", 65)} {
		if _, err := NewKey(name); !errors.Is(err, ErrKey) {
			t.Errorf("a key named %q: %v", name, err)
		}
		if _, err := ParsePrivateKey(text, name); !errors.Is(err, ErrKey) {
			t.Errorf("a key named %q: %v", name, err)
		}
	}
}

func TestAllowList(t *testing.T) {
	ada, bob := newKey(t, "ada").Public(), newKey(t, "bob").Public()
	list, err := ParseKeys([]byte("# who may\n\n" + ada.String() + "\n  " + bob.String() + "\r\n"))
	if err != nil || list.Len() != 2 {
		t.Fatalf("%d, %v", list.Len(), err)
	}
	if empty, err := ParseKeys(nil); err != nil || empty.Len() != 0 {
		t.Errorf("%d, %v", empty.Len(), err)
	}
	fields := strings.Fields(ada.String())
	for name, line := range map[string]string{
		"a word":        "ada",
		"no name":       fields[0] + " " + fields[1],
		"two names":     ada.String() + " x",
		"algorithm":     strings.Replace(ada.String(), "ed25519", "rsa", 1),
		"short":         fields[0] + " " + fields[1][:40] + " ada",
		"not base64":    fields[0] + " " + strings.Repeat("*", 44) + " ada",
		"padding bits":  fields[0] + " " + strings.Repeat("A", 42) + "B= ada",
		"a long name":   ada.String() + strings.Repeat("x", 100),
		"twice":         ada.String() + "\n" + fields[0] + " " + fields[1] + " eve",
		"no text":       "\xff",
		"not separated": strings.Replace(ada.String(), " ", "\t", 1),
		"too long":      strings.Repeat("#", maxList+1),
	} {
		if _, err := ParseKeys([]byte(line)); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadKeys(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no list: %v", err)
	}
	path := filepath.Join(t.TempDir(), "trusted")
	write(t, path, "x\n")
	if _, err := LoadKeys(path); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %v", err)
	}
}

func FuzzPublicKey(f *testing.F) {
	f.Add(newKey(f, "ada").Public().String())
	f.Add("agata-ed25519  x")
	f.Fuzz(func(t *testing.T, line string) {
		if k, err := ParsePublicKey(line); err == nil && k.String() != line {
			t.Errorf("%q was read as %q", line, k)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("# x\n" + newKey(f, "ada").Public().String() + "\n"))
	f.Add([]byte("\n\r\n "))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ParseKeys(text)
		if err != nil && list.Len() != 0 {
			t.Errorf("%d keys of a list that is refused", list.Len())
		}
		for id, k := range list.byID {
			if k.ID() != id || !strings.Contains(string(text), k.String()) {
				t.Errorf("%s is not in %q", k, text)
			}
		}
	})
}
