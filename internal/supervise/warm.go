package supervise

import (
	_ "embed"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// Warm describes an interpreter that imports modules before there is a task for it.
// A task that it fits takes it over, and another one is prepared. It is a process
// like the task's would be, below a shim, with the same limits, account and folders;
// it runs nothing of a task's before its order, and becomes one task, once.
type Warm struct {
	Python  string   // as Spec.Argv[0]
	Modules []string // in this order
	Dir     string   // as Spec.Dir
	Env     []string // as Spec.Env; what belongs to one task does not matter
}

const (
	// warmMark begins the names of the folders of warm interpreters.
	warmMark = ".warm-"
	// warmRest is how long a task that has just started has the machine for itself
	// before the next interpreter is prepared.
	warmRest = 2 * time.Second
	// importBound is how long imports may take.
	importBound = 5 * time.Minute
	// warmRoom is for the variables by which a task's processes are found.
	warmRoom = 8 << 10
)

//go:embed warm.py
var warmProgram string

// warmed is an interpreter that is ready for a task.
type warmed struct {
	m      *Manager
	shim   *waiting
	folder string
	spec   shim.Spec // as it runs
	given  shim.Spec // as it was asked for
}

// Warm says whether an interpreter waits for a task.
func (m *Manager) Warm() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.warm != nil
}

// keepWarm keeps one interpreter ready until the manager leaves. If there can be none
// it says so, and every start is a cold one.
func (m *Manager) keepWarm() {
	m.clearWarm()
	if m.opts.Warm == nil {
		return
	}
	for {
		began := time.Now()
		next, err := m.heat()
		if m.detachCtx.Err() != nil {
			if next != nil {
				next.release(true)
			}
			return
		}
		if err != nil {
			m.log.Warn("tasks are started cold until this service is started again: no interpreter can import what [tasks] warm names", "modules", m.opts.Warm.Modules, "err", err)
			return
		}
		m.log.Info("an interpreter is warm", "modules", m.opts.Warm.Modules, "took", time.Since(began).Round(time.Millisecond))
		m.mu.Lock()
		m.warm = next
		m.mu.Unlock()
		select {
		case <-m.used:
		case <-m.detachCtx.Done():
			if left := m.dropWarm(); left != nil {
				left.release(true)
			}
			return
		}
		select {
		case <-time.After(warmRest):
		case <-m.detachCtx.Done():
			return
		}
	}
}

// heat starts an interpreter and waits until it has imported everything.
func (m *Manager) heat() (_ *warmed, err error) {
	want := *m.opts.Warm
	given, _, err := m.complete(Spec{ID: "warm", Argv: []string{want.Python}, Dir: want.Dir, Env: want.Env})
	if err != nil {
		return nil, err
	}
	given.Env = ownEnv(given.Env)
	spec := given
	folder, err := os.MkdirTemp(m.opts.Dir, warmMark)
	if err != nil {
		return nil, err
	}
	w := &warmed{m: m, folder: folder, given: given}
	defer func() {
		if err != nil {
			w.release(true)
		}
	}()
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	spec.ID = filepath.Base(folder)
	spec.Argv = append([]string{want.Python, "-c", warmProgram}, want.Modules...)
	if err := m.confine(&spec); err != nil {
		w.spec = spec
		return nil, err
	}
	spec.Env = setEnv(spec.Env, "AGATA_WARM="+strings.Repeat(".", warmRoom)) // the last
	w.spec = spec
	if err := shim.WriteSpec(lock, spec); err != nil {
		return nil, err
	}
	if w.shim, err = startShim(); err != nil {
		return nil, err
	}
	what := shim.OrderHeat
	if m.busy() {
		what = shim.OrderHeatLow
	}
	reader, err := w.shim.send(what, folder, lock)
	if err != nil {
		return nil, err
	}
	defer reader.Close()

	status, err := readStatus(m.detachCtx, reader, importBound)
	if err == nil && status.Error != "" {
		err = errors.New(status.Error)
	}
	return w, err
}

// busy says whether a task runs.
func (m *Manager) busy() bool {
	return slices.ContainsFunc(m.Processes(), func(p *Process) bool {
		_, ended := p.Exit()
		return !ended
	})
}

// release gives up what the interpreter had for itself: with end all of it, else
// what a task has not taken over.
func (w *warmed) release(end bool) {
	if end {
		if w.shim != nil {
			w.shim.dismiss()
		}
		w.m.unconfine(w.spec)
	}
	if err := os.RemoveAll(w.folder); err != nil {
		w.m.log.Warn("the folder of a warm interpreter is left behind", "err", err)
	}
}

// takeWarm returns the interpreter that waits, if it is what the execution needs.
func (m *Manager) takeWarm(spec shim.Spec) *warmed {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.warm
	if w == nil || m.closed || !w.fits(spec) {
		return nil
	}
	m.warm = nil
	m.used <- struct{}{} // its keeper waits for it
	return w
}

func (m *Manager) dropWarm() *warmed {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.warm
	m.warm = nil
	return w
}

// fits says whether an execution would start as this interpreter did: by the same
// program, in the same folder, with the same limits, account and variables.
func (w *warmed) fits(spec shim.Spec) bool {
	g := w.given
	return len(spec.Argv) > 1 && spec.Path == g.Path && spec.Argv[0] == g.Argv[0] && spec.Dir == g.Dir &&
		spec.Limits == g.Limits && slices.Equal(spec.Account, g.Account) && maps.Equal(variables(spec.Env), variables(g.Env))
}

// surround is the execution's spec with what the interpreter has already.
func (w *warmed) surround(spec shim.Spec) shim.Spec {
	spec.Scratch, spec.Cgroup, spec.Limits = w.spec.Scratch, w.spec.Cgroup, w.spec.Limits
	for _, name := range []string{"TMPDIR", "HOME", "USER", "LOGNAME"} {
		if value, ok := variables(w.spec.Env)[name]; ok {
			spec.Env = setEnv(spec.Env, name+"="+value)
		}
	}
	return spec
}

// ownEnv is an environment without what belongs to one task.
func ownEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), shim.OfOneTask)
}

func variables(env []string) map[string]string {
	all := map[string]string{}
	for _, entry := range ownEnv(env) {
		name, value, _ := strings.Cut(entry, "=")
		all[name] = value
	}
	return all
}

// clearWarm takes away what the interpreters of an earlier manager left. They have
// ended with it, or are about to.
func (m *Manager) clearWarm() {
	folders, _ := filepath.Glob(filepath.Join(m.opts.Dir, warmMark+"*"))
	for _, folder := range folders {
		for deadline := time.Now().Add(goneBound); ; time.Sleep(10 * time.Millisecond) {
			held, err := lockHeld(folder)
			if err == nil && !held {
				break
			}
			if err != nil || time.Now().After(deadline) || m.detachCtx.Err() != nil {
				return // the next manager tries again
			}
		}
		if spec, err := shim.ReadSpec(folder); err == nil && spec.ID == filepath.Base(folder) {
			m.unconfine(spec)
		}
		if err := os.RemoveAll(folder); err != nil {
			m.log.Warn("the folder of a warm interpreter is left behind", "err", err)
		}
	}
}
