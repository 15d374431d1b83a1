package supervise

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/internal/testenv"
)

// warmManager gives a manager whose interpreter has imported modules.
func warmManager(t testing.TB, modules ...string) *Manager {
	t.Helper()
	return openWarm(t, t.TempDir(), Options{}, modules...)
}

func openWarm(t testing.TB, dir string, opt Options, modules ...string) *Manager {
	t.Helper()
	opt.Dir, opt.Grace, opt.Logger = dir, 2*time.Second, slog.New(slog.NewTextHandler(t.Output(), nil))
	opt.Warm = &Warm{Python: "python3", Modules: modules, Dir: dir, Env: Environ(nil)}
	m, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range m.Processes() {
			_ = p.Stop(t.Context())
		}
		_ = m.Close()
	})
	return m
}

func awaitWarm(t testing.TB, m *Manager) {
	t.Helper()
	testenv.Eventually(t, time.Minute, "an interpreter is warm", m.Warm)
}

// script is a task's program, in a folder of its own.
func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "client.py")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func warmSpec(m *Manager, path string, args ...string) Spec {
	return Spec{ID: "x", TaskID: "t", Argv: append([]string{"python3", path}, args...), Dir: m.opts.Dir, Env: Environ(nil, "TRACEPARENT=00-1-2-3"), Warm: true}
}

func TestWarmStart(t *testing.T) {
	m := warmManager(t, "json", "decimal")
	awaitWarm(t, m)
	p := start(t, m, warmSpec(m, script(t, "import sys, os\nprint('decimal' in sys.modules, sys.argv[1:], os.environ['AGATA_TASK_ID'])\nsys.exit(3)\n"), "a", "b c"))
	if !p.Warm() {
		t.Fatal("it was a cold start")
	}
	exit := waitDone(t, p)
	if got := texts(collect(t, p), Stdout); len(got) != 1 || got[0] != "True ['a', 'b c'] t" {
		t.Errorf("got %q", got)
	}
	if exit.Code != 3 || exit.Reason != ReasonExitNonzero {
		t.Errorf("exit %+v", exit)
	}
	if entries, _ := filepath.Glob(filepath.Join(m.opts.Dir, warmMark+"*")); len(entries) > 1 {
		t.Errorf("left behind: %q", entries)
	}
	_ = strconv.Itoa
	_ = strings.Cut
	_ = shim.Self
}
