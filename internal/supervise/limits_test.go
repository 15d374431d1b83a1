package supervise

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// The first thing that the program does is to look at its limits.
func TestLimitsHoldFromTheFirstInstruction(t *testing.T) {
	m := newManager(t)
	want := map[string]string{
		"Max core file size": "0 0", "Max open files": "77 77", "Max file size": "1048576 1048576", "Max address space": "1073741824 1073741824",
	}
	for i := range 20 {
		p := start(t, m, Spec{ID: strconv.Itoa(i), Argv: []string{"cat", "/proc/self/limits"},
			Limits: Limits{OpenFiles: 77, FileBytes: 1 << 20, AddressSpace: 1 << 30}})
		for _, line := range texts(collect(t, p), Stdout) {
			for name, limit := range want {
				if rest, ok := strings.CutPrefix(line, name); ok && !strings.HasPrefix(strings.Join(strings.Fields(rest), " "), limit) {
					t.Fatalf("run %d: %s", i, line)
				}
			}
		}
		if exit := waitDone(t, p); exit.Reason != ReasonExited {
			t.Fatalf("run %d: %+v", i, exit)
		}
	}
}

func TestAFileThatIsTooLargeEndsATask(t *testing.T) {
	dir := t.TempDir()
	p := start(t, newManager(t), Spec{Dir: dir, Argv: []string{"dd", "if=/dev/zero", "of=large", "bs=64k", "count=64"}, Limits: Limits{FileBytes: 1 << 20}})
	if exit := waitDone(t, p); exit.Reason != ReasonLimitExceeded || exit.Signal != 25 {
		t.Errorf("%+v", exit)
	}
	if info, err := os.Stat(filepath.Join(dir, "large")); err != nil || info.Size() != 1<<20 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// Without a cgroup a limit of memory bounds address space: an allocation fails,
// and the task says so itself.
func TestMemoryWithoutACgroup(t *testing.T) {
	var log bytes.Buffer
	m, err := New(Options{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil)), Limits: Limits{Memory: 256 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.cgroups = nil // as if the machine had none
	p := start(t, m, Spec{Argv: []string{"python3", "-c", "x = bytearray(1 << 30)"}})
	exit := waitDone(t, p)
	if exit.Reason != ReasonExitNonzero || exit.Code != 1 || !slices.ContainsFunc(exit.LastLines, func(l Line) bool { return l.Text == "MemoryError" }) {
		t.Errorf("%+v", exit)
	}
}

func TestScratch(t *testing.T) {
	temp, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)
	m := newManager(t)
	p := start(t, m, Spec{Argv: sh(`echo $TMPDIR; stat -c %a $TMPDIR; umask; mktemp; while [ ! -e go ]; do sleep 0.01; done`), Dir: t.TempDir()})
	var lines []string
	for range 4 {
		lines = append(lines, (<-p.Lines()).Text)
	}
	if lines[1] != "700" || lines[2] != "0077" || filepath.Dir(lines[3]) != lines[0] || len(lines[0]) > 40 {
		t.Errorf("%q", lines)
	}
	waitStopped(t, p)
	if exists(lines[0]) {
		t.Errorf("%s is left", lines[0])
	}
	// Nothing is left of a start that fails, either.
	if _, err := m.Start(t.Context(), Spec{ID: "y", Argv: []string{"/no/such/program"}}); err == nil {
		t.Fatal("it started")
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "agata-*")); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// A lost execution's leftovers go with it.
func TestScratchOfALostOne(t *testing.T) {
	p := start(t, newManager(t), Spec{Argv: sh(`echo $TMPDIR; exec sleep 60`)})
	scratch := (<-p.Lines()).Text
	if err := p.handle.signal(9); err != nil {
		t.Fatal(err)
	}
	if exit := waitDone(t, p); exit.Reason != ReasonLost || exists(scratch) {
		t.Errorf("%+v; scratch is left: %t", exit, exists(scratch))
	}
}

func TestAccount(t *testing.T) {
	account, err := LookUpAccount("nobody")
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), "takes root") {
			t.Errorf("without root: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "open-") // t.TempDir lies in a folder that is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := New(Options{Dir: filepath.Join(dir, "executions"), Account: account, Limits: Limits{Processes: 50}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.cgroups = nil
	p := start(t, m, Spec{Dir: dir, Argv: sh(`id -u; id -g; id -G; echo $USER; touch $TMPDIR/x && echo wrote; test $HOME = $TMPDIR && echo home
		cat ` + secret + ` || echo refused; echo '{"type":"info","info":"Finished"}' >> $AGATA_REPORTS
		ls ` + filepath.Dir(m.folder("x")) + ` || echo hidden; grep -c . /proc/self/limits >/dev/null; set -- $(grep "Max processes" /proc/self/limits); echo $3 $4; sleep 60 & wait`)})
	var out []string
	reported := false
	for line := range p.Lines() {
		if line.Stream == Stdout {
			out = append(out, line.Text)
		}
		reported = reported || line.Stream == Report && strings.Contains(line.Text, "Finished")
		if reported && len(out) >= 9 {
			break
		}
	}
	uid, gid := strconv.Itoa(int(account.UID)), strconv.Itoa(int(account.GID))
	want := []string{uid, gid, gid, "nobody", "wrote", "home", "refused", "hidden", "50 50"}
	if !slices.Equal(out, want) || !reported {
		t.Errorf("got %q, reported %t; want %q", out, reported, want)
	}
	if exit := waitStopped(t, p); exit.Reason != ReasonStopped {
		t.Errorf("%+v", exit)
	}
}

func TestAccountsThatAreRefused(t *testing.T) {
	if account, err := LookUpAccount(""); account != nil || err != nil {
		t.Errorf("none: %v, %v", account, err)
	}
	for name, want := range map[string]string{"no-such-account": "is not there", "root": "must not run as"} {
		if os.Geteuid() != 0 && name == "root" {
			want = "takes root"
		}
		if _, err := LookUpAccount(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	nobody := &Account{Name: "nobody", UID: 65534, GID: 65534}
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := nobody.Reach(dir); err == nil || !strings.Contains(err.Error(), "keeps the account nobody out") {
		t.Errorf("a closed folder: %v", err)
	}
	if err := nobody.Reach("/etc/passwd"); err != nil {
		t.Error(err)
	}
	if err := (*Account)(nil).Reach(dir); err != nil {
		t.Error(err)
	}
}

// What AGATA itself is told in secret stays out of the environment and of the
// arguments of every process that a task is made of.
func TestSecretsStayOut(t *testing.T) {
	const secret = "s3cr3t-of-the-manager"
	for _, name := range []string{"AGATA_SERVER_BROKER_PASSWORD", "AGATA_CLIENT_AUTH_TOKEN", "AGATA_TOKEN", "AMQP_URL"} {
		t.Setenv(name, secret)
	}
	m := newManager(t)
	p := start(t, m, Spec{Argv: []string{"sleep", "60"}})
	for _, pid := range []int{p.PID(), shimOf(t, p.PID())} {
		for _, file := range []string{"environ", "cmdline"} {
			data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
			if err != nil || len(data) == 0 || bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s of process %d: %q, %v", file, pid, data, err)
			}
		}
	}
	if spec, err := os.ReadFile(shim.SpecPath(p.Folder())); err != nil || bytes.Contains(spec, []byte(secret)) {
		t.Errorf("the spec: %q, %v", spec, err)
	}
}
