package access

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func readKey(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := hex.DecodeString(strings.TrimSpace(string(content))); err != nil || len(key) != 32 {
		t.Errorf("the key is %q", content)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".cloud.key-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return string(content)
}

func TestInit(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "keys", "cloud.key")
	ctx, at := t.Context(), server(t, dir)
	wantCode(t, Init(ctx, dir, at, key, "Ada", password), rpc.Invalid)
	wantCode(t, Init(ctx, dir, at, key, "ada", "short"), rpc.Invalid)
	if _, err := os.Stat(key); err == nil {
		t.Error("a refused one made a key")
	}
	wantCode(t, Init(ctx, dir, at, key, "ada", password), "")
	first := readKey(t, key)
	wantCode(t, Init(ctx, dir, at, key, "ada", password), "") // again
	wantCode(t, Init(ctx, dir, at, key, "eva", password), rpc.Conflict)
	wantCode(t, Init(ctx, dir, at, key, "ada", "wrong password"), rpc.Conflict)
	if readKey(t, key) != first {
		t.Error("the key was replaced")
	}
	s, err := Open(ctx, filepath.Join(dir, File), Options{Database: at})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if list, err := s.Operators(ctx); err != nil || len(list) != 1 || list[0].Name != "ada" || list[0].Role != contract.RoleAdmin {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.AddOperator(ctx, "vera", contract.RoleViewer, password); err != nil {
		t.Fatal(err)
	}
	// A key that was lost is made anew for an admin alone.
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	wantCode(t, Init(ctx, dir, at, key, "vera", password), rpc.Conflict)
	if _, err := os.Stat(key); err == nil {
		t.Error("a viewer made a key")
	}
	wantCode(t, Init(ctx, dir, at, key, "ada", password), "")
	if readKey(t, key) == first {
		t.Error("the same key came again")
	}
}

// TestKeyIsMadeOnce by many at once: all go on with one.
func TestKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cloud.key")
	var wg sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		wg.Go(func() {
			if err := makeKey(path); err != nil {
				t.Error(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = string(content)
		})
	}
	wg.Wait()
	for _, key := range keys {
		if key != keys[0] || len(key) != 65 {
			t.Errorf("keys differ: %q, %q", key, keys[0])
		}
	}
}

func TestKeyThatIsALink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cloud.key")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), path); err != nil {
		t.Fatal(err)
	}
	if err := makeKey(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("the key was written through a link")
	}
}
