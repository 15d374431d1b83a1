package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// Options of a Manager.
type Options struct {
	Dir    string        // holds one folder an execution; made if missing; one Manager at a time
	Logger *slog.Logger  // nil: silent
	Grace  time.Duration // from SIGTERM to SIGKILL where a Spec names none; 0: 5 s

	// LogBytes is what stays on disk of each of stdout, stderr and reports where a
	// Spec names no limit; 0: 64 MiB; negative: everything.
	LogBytes int64

	Limits  Limits   // of each process, where its Spec says nothing else
	Account *Account // whom processes run as; nil: as the manager
	Warm    *Warm    // an interpreter that waits for a task; nil: none

	// LineBuffer is the capacity of each Lines channel; 0: 64.
	LineBuffer int
}

// Manager starts, follows, stops and adopts task processes.
type Manager struct {
	opts  Options
	log   *slog.Logger
	lock  *os.File
	watch *watcher

	cgroups *Cgroups      // nil: none
	used    chan struct{} // the warm interpreter was taken

	doubt    time.Duration // how long Recover waits for an execution to become clear
	patience time.Duration // how long after the grace a shim may take to finish a stop

	// detachCtx ends when this manager leaves. It never ends a task: a task ends
	// by itself or by Process.Stop.
	detachCtx context.Context
	detach    context.CancelFunc
	running   sync.WaitGroup // the goroutines of all processes

	mu     sync.Mutex // guards what follows
	closed bool
	spare  *waiting // nil while there is none
	warm   *warmed  // nil while there is none that is ready
	procs  map[string]*Process
}

// New opens a folder of executions. It fails if another Manager has it open.
// Nothing is adopted until Recover is called; do that before the first Start.
func New(opts Options) (*Manager, error) {
	if opts.Dir == "" {
		return nil, errors.New("supervise: Options.Dir is empty: name the folder that holds the executions")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Grace == 0 {
		opts.Grace = 5 * time.Second
	}
	if opts.LogBytes == 0 {
		opts.LogBytes = 64 << 20
	}
	if opts.LineBuffer == 0 {
		opts.LineBuffer = 64
	}
	if opts.Grace < 0 || opts.LineBuffer < 0 {
		return nil, fmt.Errorf("supervise: Grace %v and LineBuffer %d must not be negative", opts.Grace, opts.LineBuffer)
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("supervise: find %s: %w", opts.Dir, err)
	}
	opts.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("supervise: make the folder of executions: %w", err)
	}
	if opts.Account != nil { // it comes through to its own execution, and lists none
		if err := os.Chmod(dir, 0o711); err != nil {
			return nil, fmt.Errorf("supervise: let account %s into the folder of executions: %w", opts.Account.Name, err)
		}
	}
	lock, err := lockManager(filepath.Join(dir, ".lock"))
	if err != nil {
		return nil, fmt.Errorf("supervise: %w", err)
	}
	watch, err := newWatcher()
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("supervise: %w", err)
	}
	m := &Manager{opts: opts, log: opts.Logger, lock: lock, watch: watch, doubt: 2 * time.Second, patience: 2 * goneBound, procs: map[string]*Process{}, used: make(chan struct{}, 1)}
	m.findCgroups(opts.Limits)
	m.detachCtx, m.detach = context.WithCancel(context.Background())
	m.probePunch()
	m.refill()
	m.running.Go(m.keepWarm)
	return m, nil
}

// Close detaches: it stops watching and leaves every task running, for the next
// Manager to adopt. Every Done and Lines channel is closed.
func (m *Manager) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	spare := m.spare
	m.spare = nil
	m.mu.Unlock()
	if spare != nil {
		spare.dismiss()
	}

	m.detach()
	m.running.Wait()
	for _, p := range m.Processes() {
		p.release()
	}
	m.watch.close()
	return m.lock.Close()
}

// Processes lists the processes that this manager started or adopted and that
// were not removed, by ID.
func (m *Manager) Processes() []*Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.list()
}

func (m *Manager) list() []*Process {
	var procs []*Process
	for _, p := range m.procs {
		if p != nil {
			procs = append(procs, p)
		}
	}
	slices.SortFunc(procs, func(a, b *Process) int { return strings.Compare(a.ID(), b.ID()) })
	return procs
}

// claim reserves an ID; done replaces the reservation by a process, or by none.
// Close waits for done.
func (m *Manager) claim(id string) (done func(*Process), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if _, taken := m.procs[id]; taken {
		return nil, errTaken
	}
	m.procs[id] = nil
	m.running.Add(1)
	return func(p *Process) {
		m.mu.Lock()
		defer m.mu.Unlock()
		defer m.running.Done()
		if p == nil {
			delete(m.procs, id)
			return
		}
		m.procs[id] = p
	}, nil
}

func (m *Manager) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.procs, id)
}

var errTaken = errors.New("an execution with this id is known here: wait for its end and remove it, or use another id")

// lockManager takes the folder for one Manager. A child of the last one, caught
// between fork and exec, may hold the lock for a moment longer.
func lockManager(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the manager's lock: %w", err)
	}
	for deadline := time.Now().Add(time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			_ = file.Close()
			return nil, fmt.Errorf("lock %s (another manager may use this folder): %w", path, err)
		}
	}
}

// probePunch says once if log files cannot be bounded on this file system.
func (m *Manager) probePunch() {
	if m.opts.LogBytes < 0 {
		return
	}
	file, err := os.CreateTemp(m.opts.Dir, ".probe-*")
	if err != nil {
		return
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err = file.Write(make([]byte, 1<<17)); err == nil {
		var done int64
		err = shim.Punch(file, &done, 1)
	}
	if err != nil {
		m.log.Warn("log files of tasks are not bounded: the file system cannot punch holes", "dir", m.opts.Dir, "err", err)
	}
}
