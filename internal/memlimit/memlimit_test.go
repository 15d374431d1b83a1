package memlimit

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"memory.max": "max\n", "system.slice/memory.max": "3000\n", "system.slice/agata/memory.max": "max\n", "small/memory.max": "1000\n",
		"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/box/memory.limit_in_bytes": "2000\n", "odd/memory.max": "much\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for groups, want := range map[string]int64{
		"": 0, "0::/\n": 0, "nonsense\n": 0, "0::/odd\n": 0, "0::/absent/below\n": 0,
		"0::/small\n":                      1000,
		"0::/system.slice/agata\n":         3000, // that of the group above
		"9:memory:/box\n0::/\n":            2000,
		"9:memory:/\n4:cpu,cpuacct:/box\n": 0,
		"9:memory:/box\n0::/small\n":       1000,
		"0::/../small\n":                   1000, // as seen from another namespace
	} {
		if got, found := find(groups, root); found != (want > 0) || found && got != want {
			t.Errorf("%q: %d, %v; want %d", groups, got, found, want)
		}
	}
	if _, _, err := Find(); err != nil {
		t.Error(err)
	}
}
