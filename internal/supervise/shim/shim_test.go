package shim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	tail := " 7 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 211854 9 10 11\n"
	for line, want := range map[string]Stat{
		"42 (sh) S" + tail:             {State: 'S', Parent: 7, Threads: 1, CPU: 26, Start: 211854},
		"42 (a) b ) Z (c) R" + tail:    {State: 'R', Parent: 7, Threads: 1, CPU: 26, Start: 211854},
		"42 ()) Z" + tail:              {State: 'Z', Parent: 7, Threads: 1, CPU: 26, Start: 211854},
		"42 (sh) S 7 1 1 0 -1 4194560": {},
		"42 (sh) S x" + tail[2:]:       {},
		"42 (sh)":                      {},
		"42 (sh":                       {},
		"":                             {},
	} {
		got, err := parseStat(line)
		if got != want || (err != nil) != (want == Stat{}) {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	self := Self()
	if self.PID != os.Getpid() || self.Start == 0 || !self.Alive() {
		t.Errorf("self %+v, alive %v", self, self.Alive())
	}
	for _, other := range []Identity{{}, {PID: self.PID, Start: self.Start + 1}, {PID: -1, Start: 1}, {PID: 1 << 30, Start: 1}} {
		if other.Alive() {
			t.Errorf("%+v is alive", other)
		}
	}
	if len(BootID()) != 36 {
		t.Errorf("boot id %q", BootID())
	}
}

func TestDead(t *testing.T) {
	for stat, want := range map[Stat]bool{
		{State: 'S', Threads: 1}: false,
		{State: 'Z', Threads: 1}: true,
		{State: 'Z', Threads: 2}: false, // the first thread has ended, the process has not
		{State: 'X'}:             true,
	} {
		if stat.Dead() != want {
			t.Errorf("%c with %d threads: %v", stat.State, stat.Threads, stat.Dead())
		}
	}
}

func TestOOMKills(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"version 2":          {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.events": "oom 9\noom_kill 3\noom_group_kill 0\n", "proc/vmstat": "oom_kill 7\n"}, 3},
		"version 1":          {map[string]string{"proc/self/cgroup": "9:cpu:/x\n4:memory:/m\n0::/\n", "sys/fs/cgroup/memory/m/memory.oom_control": "under_oom 0\noom_kill 2\n"}, 2},
		"the whole machine":  {map[string]string{"proc/self/cgroup": "0::/\n", "proc/vmstat": "pgfault 5\noom_kill 7\n"}, 7},
		"no cgroups":         {map[string]string{"proc/vmstat": "oom_kill 7"}, 7},
		"nothing":            {nil, -1},
		"not understood":     {map[string]string{"proc/vmstat": "oom_kill many\noom_killer 4\n"}, -1},
		"hidden from us":     {map[string]string{"proc/self/cgroup": "0::/../other\n", "proc/vmstat": "oom_kill 1\n"}, 1},
		"no line end at all": {map[string]string{"proc/self/cgroup": "garbage", "proc/vmstat": "oom_kill 1\n"}, 1},
	} {
		root := t.TempDir()
		for path, text := range c.files {
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := oomKills(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestBlame(t *testing.T) {
	kill := int(syscall.SIGKILL)
	group := func(events string) string {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/memory.events", []byte(events), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, c := range map[string]struct {
		exit          Exit
		cgroup        string
		before, after int64
		want          string
		limit         int64
	}{
		"memory":           {Exit{Reason: ReasonSignaled, Signal: kill}, "", 1, 2, ReasonOOMKilled, 0},
		"somebody":         {Exit{Reason: ReasonSignaled, Signal: kill}, "", 1, 1, ReasonSignaled, 0},
		"another signal":   {Exit{Reason: ReasonSignaled, Signal: 11}, "", 1, 2, ReasonSignaled, 0},
		"our own stop":     {Exit{Reason: ReasonStopped, Signal: kill}, "", 1, 2, ReasonStopped, 0},
		"unreadable":       {Exit{Reason: ReasonSignaled, Signal: kill}, "", -1, -1, ReasonSignaled, 0},
		"unreadable first": {Exit{Reason: ReasonSignaled, Signal: kill}, "", -1, 2, ReasonSignaled, 0},
		"its own limit":    {Exit{Reason: ReasonSignaled, Signal: kill}, group("low 0\nmax 7\noom 1\noom_kill 2\n"), 1, 1, ReasonOOMKilled, 64},
		"the machine's":    {Exit{Reason: ReasonSignaled, Signal: kill}, group("max 7\noom 0\noom_kill 1\n"), 1, 1, ReasonOOMKilled, 0},
		"none in its own":  {Exit{Reason: ReasonSignaled, Signal: kill}, group("max 7\noom 0\noom_kill 0\n"), 1, 1, ReasonSignaled, 0},
		"a child's":        {Exit{Reason: ReasonExitNonzero, Code: 1}, group("oom 1\noom_kill 1\n"), 1, 1, ReasonExitNonzero, 0},
	} {
		e := c.exit
		e.blame(Spec{Cgroup: c.cgroup, Limits: Limits{Memory: 64}}, c.before, c.after)
		if e.Reason != c.want || e.Memory != c.limit {
			t.Errorf("%s: %s, limit %d, want %s, %d", name, e.Reason, e.Memory, c.want, c.limit)
		}
	}
}

// A manager that was upgraded reads what the one before it wrote.
func TestAnOlderSpecIsUnderstood(t *testing.T) {
	old := specVersion1 + "\x00id\x00task\x00/bin/sh\x00/\x005\x006\x001\x002\x003\x004\x005\x001\x00sh\x001\x00A=b\x001\x00k\x00v\x00"
	got, err := decodeSpec([]byte(old))
	want := Spec{ID: "id", TaskID: "task", Path: "/bin/sh", Dir: "/", Grace: 5, Linger: 6, Argv: []string{"sh"}, Env: []string{"A=b"},
		Labels: map[string]string{"k": "v"}, Limits: Limits{LogBytes: 1, OpenFiles: 2, AddressSpace: 3, Nice: 4, OOMScoreAdj: 5}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestJSONIsUnderstood(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	status := Status{
		Record: Record{BootID: "b", Shim: Identity{1, 2}, Task: Identity{3, 1 << 60}, Started: at},
		Error:  "a \"quoted\"\\\n\t\x01 text, é", Errno: -2,
	}
	var gotStatus Status
	if err := json.Unmarshal(status.appendJSON(nil), &gotStatus); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(status, gotStatus); diff != "" {
		t.Error(diff)
	}
	exit := Exit{
		Reason: ReasonSignaled, Code: -1, Signal: 11, Core: true, Error: "e", UserTime: 1, SysTime: 2,
		MaxRSS: 1 << 40, Memory: 9, Left: 1, Started: at, Ended: at.Add(1),
	}
	var gotExit Exit
	if err := json.Unmarshal(exit.appendJSON(nil), &gotExit); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exit, gotExit); diff != "" {
		t.Error(diff)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x1f\"\\\u2028\xff")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(quote(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); strings.ReplaceAll(got, "\uFFFD", "") != strings.ReplaceAll(want, "\uFFFD", "") {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 10, 1<<63 - 1, -1 << 62} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		want, _ := json.Marshal(n)
		text := string(appendInt(nil, n))
		if text != string(want) {
			t.Fatalf("%d is written %s", n, text)
		}
		if got, ok := parseInt(text); (!ok || got != n) && n != -1<<63 { // one number out of reach
			t.Fatalf("%s is read as %d, %v", text, got, ok)
		}
	})
}

func FuzzSpec(f *testing.F) {
	full := Spec{
		ID: "i", TaskID: "t", Path: "/bin/sh", Dir: "/", Argv: []string{"sh", ""}, Env: []string{"A=b"},
		Grace: time.Second, Linger: -1, Limits: Limits{1, 2, 3, 4, 5, 6, 7, 8, 9}, Labels: map[string]string{"k": "v"},
		Scratch: "/tmp/s", Cgroup: "/c", Account: []uint32{1, 2, 1<<32 - 1},
	}
	f.Add(full.encode())
	f.Add(Spec{Argv: []string{"a"}}.encode())
	f.Add([]byte(specVersion + "\x00"))
	f.Add([]byte(specVersion + "\x00a\x00\x00\x00\x000\x000\x000\x000\x000\x000\x000\x009223372036854775807\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := decodeSpec(data)
		if err != nil {
			return
		}
		again, err := decodeSpec(spec.encode())
		if diff := cmp.Diff(spec, again); err != nil || diff != "" {
			t.Errorf("%v: %s", err, diff)
		}
	})
}

func TestSpecCutShortIsRefused(t *testing.T) {
	full := Spec{ID: "i", Argv: []string{"sh", "-c"}, Env: []string{"A=b", "C=d"}, Labels: map[string]string{"k": "v"}}
	data := full.encode()
	for n := range len(data) {
		if spec, err := decodeSpec(data[:n]); err == nil {
			t.Errorf("%d of %d bytes are a spec: %+v", n, len(data), spec)
		}
	}
	if spec, err := decodeSpec(data); err != nil || !cmp.Equal(spec, full) {
		t.Errorf("%+v, %v", spec, err)
	}
}

func TestPunch(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const size, limit = 4 << 20, 1 << 20
	if _, err := file.Write([]byte(strings.Repeat("x", size))); err != nil {
		t.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	var done int64
	if err := Punch(file, &done, limit); err != nil {
		t.Fatalf("%v: the file system of the test cannot punch holes", err)
	}
	var stat syscall.Stat_t
	if err := syscall.Fstat(int(file.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	if stat.Size != size || stat.Blocks*512 > limit || done > size-limit/2 {
		t.Errorf("size %d, on disk %d, punched up to %d", stat.Size, stat.Blocks*512, done)
	}
	last := make([]byte, limit/2)
	if _, err := file.ReadAt(last, size-limit/2); err != nil || strings.Trim(string(last), "x") != "" {
		t.Errorf("the end is damaged: %v", err)
	}
	before := done
	if err := Punch(file, &done, limit); err != nil || done != before {
		t.Errorf("punched again without need: %d, %v", done, err)
	}
}
