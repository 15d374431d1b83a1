package keyring

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzTokens: a file of credentials that holds anything is read or refused, and
// one that is read takes a further token.
func FuzzTokens(f *testing.F) {
	for _, content := range []string{`{"http://a:9001":"t"}`, ``, `null`, `{}`, `[]`, `{"a":null}`, `{"a":1}`, "{\"\xff\":\"x\"}", `{"A/":"x","a":"y"}`} {
		f.Add([]byte(content))
	}
	path := filepath.Join(f.TempDir(), "credentials.json")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Credential(path); err != nil {
			t.Error(err)
		}
		if _, err := Token(path, "http://gateway"); err != nil {
			return
		}
		if err := SetToken(path, "http://gateway", "new"); err != nil {
			t.Fatal(err)
		}
		if got, err := Token(path, "HTTP://gateway/"); err != nil || got != "new" {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	})
}
