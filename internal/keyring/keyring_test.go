package keyring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokensByGateway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agata", "credentials.json")
	for gateway, token := range map[string]string{"http://a:9001": "one", "https://b/": "two"} {
		if err := SetToken(path, gateway, token); err != nil {
			t.Fatal(err)
		}
	}
	for gateway, want := range map[string]string{"http://A:9001/": "one", "https://b": "two", "http://b": ""} {
		if got, err := Token(path, gateway); err != nil || got != want {
			t.Errorf("%s: %q, %v", gateway, got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode: %v, %v", info, err)
	}
	if err := SetToken(path, "https://b", ""); err != nil {
		t.Fatal(err)
	}
	if got, err := Token(path, "https://b"); err != nil || got != "" {
		t.Errorf("a forgotten token: %q, %v", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".cred*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFilesThatAreNotRight(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		content string
		mode    os.FileMode
		says    string
	}{
		"open to others": {"{}", 0o644, "can be read by others"},
		"no JSON":        {"nonsense", 0o600, "sign in again"},
		"far too large":  {strings.Repeat("x", maxFile+1), 0o600, "more than"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(tc.content), tc.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Token(path, "http://a"); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := Token(filepath.Join(dir, "absent"), "http://a"); err != nil || got != "" {
		t.Errorf("no file: %q, %v", got, err)
	}
}

func TestACredential(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "client.credential")
	if got, err := Credential(path); err != nil || got != "" {
		t.Errorf("no file: %q, %v", got, err)
	}
	if err := SetCredential(path, "agc_x"); err != nil {
		t.Fatal(err)
	}
	if got, err := Credential(path); err != nil || got != "agc_x" {
		t.Errorf("%q, %v", got, err)
	}
}
