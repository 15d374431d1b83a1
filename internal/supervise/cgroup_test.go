package supervise

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a folder that looks like / to FindCgroups.
func machine(t *testing.T, membership, mountinfo string, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	if files = maps.Clone(files); files == nil {
		files = map[string]string{}
	}
	files["proc/self/cgroup"], files["proc/self/mountinfo"] = membership, mountinfo
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func group(dir, controllers, enabled string) map[string]string {
	return map[string]string{dir + "/cgroup.controllers": controllers, dir + "/cgroup.subtree_control": enabled, dir + "/cgroup.procs": ""}
}

const unified = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"

func TestFindCgroups(t *testing.T) {
	const service = "sys/fs/cgroup/system.slice/agata.service"
	for name, c := range map[string]struct {
		membership, mounts string
		files              map[string]string
		base, controllers  string
		why                string
	}{
		"the root, as in a container": {"0::/\n", unified, group("sys/fs/cgroup", "cpu memory pids io", ""), "sys/fs/cgroup", "memory cpu pids", ""},
		"moved already":               {"0::/system.slice/agata.service/agata-manager\n", unified, group(service, "memory pids", "memory pids"), service, "memory pids", ""},
		"not delegated":               {"0::/system.slice/agata.service\n", unified, group(service, "memory", ""), "", "", "was not delegated"},
		"a part is mounted": {"0::/docker/abc\n", "5 4 0:1 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
			group("sys/fs/cgroup", "pids", ""), "sys/fs/cgroup", "pids", ""},
		"hybrid, held by version 1": {"4:memory:/\n0::/\n", "4 3 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n5 3 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			group("sys/fs/cgroup/unified", "hugetlb", ""), "", "", "none of the controllers"},
		"version 1 alone": {"4:memory:/\n", "4 3 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", nil, "", "", "no tree of cgroups of version 2"},
		"not mounted":     {"0::/\n", "", nil, "", "", "no tree of cgroups of version 2"},
		"gone":            {"0::/\n", unified, nil, "", "", "cannot be changed"},
	} {
		t.Run(name, func(t *testing.T) {
			root := machine(t, c.membership, c.mounts, c.files)
			found, err := FindCgroups(root, []string{controlMemory, controlCPU, controlPids})
			if c.why != "" {
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%+v, %v", found, err)
				}
				return
			}
			if err != nil || found.base != filepath.Join(root, c.base) || strings.Join(found.controllers, " ") != c.controllers {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

func TestCgroupLimits(t *testing.T) {
	root := machine(t, "0::/\n", unified, group("sys/fs/cgroup", "cpu memory pids", "cpu"))
	c, err := FindCgroups(root, []string{controlMemory, controlCPU, controlPids})
	if err == nil {
		err = c.enable()
	}
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(root, "sys/fs/cgroup")
	if on, _ := os.ReadFile(filepath.Join(base, "cgroup.subtree_control")); !strings.HasPrefix(string(on), "+memory +pids") {
		t.Errorf("handed on: %q", on)
	}
	// The kernel makes the files with the folder; here they are missing, and that is an error.
	if _, err := c.create("x", Limits{Memory: 1 << 20}); err == nil || exists(filepath.Join(base, "agata-task-x")) {
		t.Errorf("a cgroup that cannot be limited: %v", err)
	}
	files := map[string]string{"memory.max": "max", "memory.swap.max": "max", "memory.oom.group": "0", "cpu.max": "max 100000", "pids.max": "max"}
	dir := filepath.Dir(machine(t, "", "", nil)) + "/made"
	for name, text := range files {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.limit(dir, Limits{Memory: 1 << 30, CPUPercent: 150, Processes: 64}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"memory.max": "1073741824", "memory.swap.max": "0", "memory.oom.group": "1", "cpu.max": "150000 100000", "pids.max": "64"} {
		if got, _ := os.ReadFile(filepath.Join(dir, name)); !strings.HasPrefix(string(got), want) {
			t.Errorf("%s is %q", name, got)
		}
	}
	if (*Cgroups)(nil).Controls(controlPids) || !slices.Equal(c.Missing([]string{"io", controlCPU}), []string{"io"}) {
		t.Error("what it controls")
	}
}

// tree is the root of the machine's real tree, and which controllers it has; ""
// where this account cannot use one.
func tree() (root string, controllers []string) {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if there, err := words(filepath.Join(dir, "cgroup.controllers")); err == nil && os.Geteuid() == 0 && unix.Access(dir, unix.W_OK) == nil {
			return dir, there
		}
	}
	return "", nil
}

// inCgroups gives a manager whose tasks get cgroups of the machine's real tree;
// nil where there is none, and then that is said.
func inCgroups(t *testing.T, l Limits, controllers ...string) *Manager {
	t.Helper()
	root, _ := tree()
	if root == "" {
		if _, err := FindCgroups("", Controllers(l)); err == nil {
			t.Error("there is no tree, and one was found")
		}
		return nil
	}
	dir := filepath.Join(root, fmt.Sprintf("agata-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	top := &Cgroups{base: root, controllers: controllers}
	if err := top.enable(); err != nil {
		t.Fatal(err)
	}
	var off []string
	for _, name := range controllers {
		off = append(off, "-"+name)
	}
	t.Cleanup(func() { // after the manager's
		if err := endCgroup(dir, 5*time.Second); err != nil {
			t.Error(err)
		}
		if err := put(filepath.Join(root, "cgroup.subtree_control"), strings.Join(off, " ")); err != nil && len(off) > 0 {
			t.Error(err)
		}
	})
	m := newManager(t)
	m.opts.Limits = l
	m.cgroups = &Cgroups{base: dir, controllers: controllers}
	if err := m.cgroups.enable(); err != nil {
		t.Fatal(err)
	}
	return m
}

// The task is born in its cgroup, and what it starts stays there.
func TestATaskIsBornInItsCgroup(t *testing.T) {
	m := inCgroups(t, Limits{CPUPercent: 50}) // any limit wants one, whether or not it is kept
	if m == nil {
		return
	}
	p := start(t, m, Spec{Argv: []string{"cat", "/proc/self/cgroup"}})
	if lines := texts(collect(t, p), Stdout); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, "/agata-task-x") && strings.HasPrefix(l, "0::/") }) {
		t.Errorf("%q", lines)
	}
	waitDone(t, p)
	if folder := filepath.Join(m.cgroups.base, "agata-task-x"); exists(folder) {
		t.Errorf("%s is left", folder)
	}
}

// Even what left the group and lost its shim is found and killed by the cgroup.
func TestACgroupEndsWhatALostTaskLeft(t *testing.T) {
	m := inCgroups(t, Limits{CPUPercent: 50})
	if m == nil {
		return
	}
	p := start(t, m, Spec{Argv: sh(`env -i setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & sleep 60`)})
	stray := pidLine(t, p) // it has no mark in its environment
	folder := filepath.Join(m.cgroups.base, "agata-task-x")
	if !exists(filepath.Join(folder, "cgroup.kill")) {
		t.Fatal("the kernel has no cgroup.kill")
	}
	if err := p.handle.signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := waitDone(t, p); exit.Reason != ReasonLost {
		t.Errorf("%+v", exit)
	}
	waitGone(t, stray)
	if exists(folder) {
		t.Errorf("%s is left", folder)
	}
}

// Each limit, where the machine has its controller for root. One that it has not
// is told as missing.
func TestEachController(t *testing.T) {
	limits := map[string]Limits{controlPids: {Processes: 20}, controlCPU: {CPUPercent: 20}, controlMemory: {Memory: 64 << 20}}
	bounded := map[string]func(*testing.T, *Manager){controlPids: pidsAreBounded, controlCPU: timeIsBounded, controlMemory: memoryIsBounded}
	_, there := tree()
	for name, limit := range limits {
		if slices.Contains(there, name) {
			t.Run(name, func(t *testing.T) { bounded[name](t, inCgroups(t, limit, name)) })
		} else if found, err := FindCgroups("", Controllers(limit)); err == nil {
			t.Errorf("%s is not there, and was found: %+v", name, found)
		}
	}
	t.Logf("the machine has %q", there)
}

// All of a task, root's too.
func pidsAreBounded(t *testing.T, m *Manager) {
	p := start(t, m, Spec{Argv: []string{"python3", "-c", `
import subprocess
made = []
try:
    for i in range(100): made.append(subprocess.Popen(["sleep", "60"]))
except OSError as e:
    print(len(made), e.errno, flush=True)
`}})
	lines := texts(collect(t, p), Stdout)
	var n, errno int
	if len(lines) == 1 {
		_, _ = fmt.Sscan(lines[0], &n, &errno)
	}
	if n < 10 || n > 20 || errno != int(unix.EAGAIN) {
		t.Errorf("%q", lines)
	}
	waitDone(t, p)
}

// What passes its own limit of memory is told so, with the limit.
func memoryIsBounded(t *testing.T, m *Manager) {
	p := start(t, m, Spec{Argv: []string{"python3", "-c", "x = bytearray(256 << 20); print(len(x))"}})
	if exit := waitDone(t, p); exit.Reason != ReasonOOMKilled || exit.Memory != 64<<20 {
		t.Errorf("%+v", exit)
	}
}

func timeIsBounded(t *testing.T, m *Manager) {
	p := start(t, m, Spec{Argv: sh(`while :; do :; done`)})
	began := time.Now()
	time.Sleep(3 * time.Second)
	used, known := p.CPU()
	if bound := time.Since(began) * 40 / 100; !known || used < 50*time.Millisecond || used > bound {
		t.Errorf("in %s it used %s, %t", time.Since(began), used, known)
	}
	waitStopped(t, p)
}
