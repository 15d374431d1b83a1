package rpc

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// FuzzAdmit: whatever call arrives, without a seal it is refused, and a client's
// own seal admits a body only if every reader of it finds that client's name.
func FuzzAdmit(f *testing.F) {
	key := keyOf(f, 1)
	s := Sealed(nil, SealOptions{Key: key, Self: Identity{Kind: Service, Name: "s"}})
	for _, body := range []string{`{"user_id":"ada"}`, `{"user_id":"eve","user_id":"ada"}`, `{"USER_ID":"eve","user_id":"ada"}`, `{"user_id":"ada","uſer_id":"eve"}`, `{"user_id":["ada"]}`, `null`, "\xff"} {
		f.Add(contract.UpdateUser.Name, "m", "", []byte(body))
	}
	f.Add(contract.CreateTask.Name, "m", "v1.e30.AA", []byte(`{}`))
	f.Fuzz(func(t *testing.T, function, messageID, seal string, body []byte) {
		if _, err := s.admit(&Message{Function: function, MessageID: messageID, Seal: seal, Body: body}); err == nil {
			t.Fatalf("%s is admitted with the seal %q", function, seal)
		}
		client := Identity{Kind: Client, Name: "ada"}
		good, err := key.sealCall(Request{Function: function, MessageID: messageID, Body: body}, client, time.Now())
		if err != nil {
			return // a NUL
		}
		who, refusal := s.admit(&Message{Function: function, MessageID: messageID, Seal: good, Body: body})
		if refusal != nil {
			return
		}
		var req contract.UserIDRequest
		if err := json.Unmarshal(body, &req); err != nil || req.UserID != "ada" || who != client || !contract.GrantOf(function).Client {
			t.Errorf("%s calls %s with %q", who, function, body)
		}
	})
}

// FuzzLoadKey: what is no 64 digits is no key, and no error repeats the file.
func FuzzLoadKey(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF\n"))
	f.Add([]byte("secretsecret"))
	f.Add([]byte("\xef\xbb\xbf00"))
	path := filepath.Join(f.TempDir(), "cloud.key")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := LoadKey(path)
		if (err == nil) == k.IsZero() || err == nil && len(bytes.TrimSpace(content)) != 64 {
			t.Errorf("%q: %v", content, err)
		}
		if secret := bytes.TrimSpace(content); err != nil && len(secret) > 40 && bytes.Contains([]byte(err.Error()), secret) {
			t.Errorf("%q is in the error: %v", content, err)
		}
	})
}
