package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

const (
	startBound = 10 * time.Second
	// linger is what a leader's leftovers get to tidy up once it ended by itself,
	// for instance Python's resource tracker. With none left there is no wait.
	linger = 100 * time.Millisecond
	// goneBound is how long SIGKILL may take to show.
	goneBound = 5 * time.Second
)

// Start runs a process and returns once it has been exec'd. ctx bounds the start
// alone. Every error is a *StartError; after one nothing is left running.
func (m *Manager) Start(ctx context.Context, spec Spec) (*Process, error) {
	fail := func(kind StartErrorKind, err error) (*Process, error) {
		return nil, &StartError{Kind: kind, ID: spec.ID, Err: err}
	}
	full, kind, err := m.complete(spec)
	if err != nil {
		return fail(kind, err)
	}
	done, err := m.claim(spec.ID)
	if errors.Is(err, errTaken) {
		return fail(KindConflict, err)
	} else if err != nil {
		return fail(KindFailed, err)
	}
	p, kind, err := m.start(ctx, full, spec.Warm)
	m.running.Go(m.refill) // beside the caller, who has waited long enough
	done(p)
	if err != nil {
		return fail(kind, err)
	}
	return p, nil
}

func (m *Manager) start(ctx context.Context, spec shim.Spec, mayBeWarm bool) (*Process, StartErrorKind, error) {
	folder := m.folder(spec.ID)
	// Making the folder decides between two starts; nothing else ever makes it.
	if err := os.Mkdir(folder, 0o700); errors.Is(err, fs.ErrExist) {
		return nil, KindConflict, fmt.Errorf("%s holds an execution: recover it, or remove it once it has ended", folder)
	} else if err != nil {
		return nil, KindFailed, err
	}
	var warm *warmed
	if mayBeWarm {
		warm = m.takeWarm(spec)
	}
	p, kind, err := m.spawn(ctx, folder, spec, warm)
	if err != nil {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	if err == nil || warm == nil || ctx.Err() != nil {
		return p, kind, err
	}
	// Nothing of the task has run, and nothing is left.
	m.log.Info("a task is started by a new interpreter, not by the warm one", "id", spec.ID, "task_id", spec.TaskID, "why", err)
	return m.start(ctx, spec, false)
}

func (m *Manager) spawn(ctx context.Context, folder string, spec shim.Spec, warm *warmed) (_ *Process, _ StartErrorKind, err error) {
	employed := false
	defer func() {
		if warm != nil {
			warm.release(!employed)
		}
	}()
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, KindFailed, err
	}
	defer lock.Close()
	if err := makeOutputs(folder, warm); err != nil {
		return nil, KindFailed, err
	}
	if err := m.admit(folder); err != nil {
		return nil, KindNotPermitted, err
	}
	defer func() {
		if err != nil {
			m.unconfine(spec)
		}
	}()
	if warm != nil {
		spec = warm.surround(spec)
	} else if err := m.confine(&spec); err != nil {
		return nil, KindFailed, err
	}
	if err := shim.WriteSpec(lock, spec); err != nil {
		return nil, KindFailed, err
	}
	p, err := m.prepare(folder, spec)
	if err != nil {
		return nil, KindFailed, err
	}
	defer func() {
		if err != nil {
			p.release()
		}
	}()
	handle, reader, err := m.employ(folder, lock, warm)
	employed = err == nil
	if err != nil {
		return nil, KindFailed, err
	}
	defer reader.Close()
	status, err := readStatus(ctx, reader, startBound)
	if err == nil && status.Error == "" {
		p.warm = warm != nil
		p.attach(status.Record, handle)
		return p, "", nil
	}
	// Nothing may stay: with the shim the kernel kills the task.
	if err != nil {
		_ = handle.signal(syscall.SIGKILL)
	}
	if waitErr := handle.waitFor(goneBound); waitErr != nil {
		m.log.Error("a shim that failed to start does not end", "id", spec.ID, "err", waitErr)
	}
	handle.reap()
	handle.close()
	if err != nil {
		sweep(folder, spec.ID, goneBound)
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
			return nil, KindTimeout, err
		}
		return nil, KindFailed, err
	}
	kind := KindFailed
	if strings.HasPrefix(status.Error, "exec ") {
		kind = kindOf(syscall.Errno(status.Errno))
	}
	return nil, kind, errors.New(status.Error)
}

// makeOutputs makes the files that the task writes to. A warm interpreter writes to
// some already: what its imports said belongs to the task, as it would if they were
// its own.
func makeOutputs(folder string, warm *warmed) error {
	for _, path := range []string{shim.StdoutPath(folder), shim.StderrPath(folder), shim.ReportsPath(folder)} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
	}
	if warm == nil {
		return nil
	}
	return errors.Join(os.Rename(shim.StdoutPath(warm.folder), shim.StdoutPath(folder)),
		os.Rename(shim.StderrPath(warm.folder), shim.StderrPath(folder)))
}

func readStatus(ctx context.Context, reader *os.File, bound time.Duration) (shim.Status, error) {
	var status shim.Status
	if err := reader.SetReadDeadline(time.Now().Add(bound)); err != nil {
		return status, err
	}
	stop := context.AfterFunc(ctx, func() { _ = reader.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err := json.NewDecoder(reader).Decode(&status)
	if err != nil && ctx.Err() != nil {
		return status, fmt.Errorf("the start was abandoned: %w", context.Cause(ctx))
	}
	if err != nil {
		return status, fmt.Errorf("the shim gave no answer: %w", err)
	}
	return status, nil
}

func (m *Manager) folder(id string) string { return filepath.Join(m.opts.Dir, id) }

// lockFolder takes the lock of an execution, which is its spec. The shim inherits
// it; it is free again exactly when neither a manager starts that execution nor a
// shim runs it.
func lockFolder(folder string) (*os.File, error) {
	file, err := os.OpenFile(shim.SpecPath(folder), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	return file, nil
}
