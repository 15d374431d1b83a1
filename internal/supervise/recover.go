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
	"time"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// errInDoubt: something may run, and it cannot be told what.
var errInDoubt = errors.New("it may be running, but its processes cannot be told for certain: it is neither adopted nor started again")

// Recover adopts every execution in the folder that this manager does not know
// yet: those that run, which it follows from their cursor on, and those that have
// ended, which deliver the lines that nobody has committed. One whose shim died
// unseen ended as lost. An execution in doubt is left alone and named in the
// error, beside the processes that were adopted.
func (m *Manager) Recover(ctx context.Context) ([]*Process, error) {
	entries, err := os.ReadDir(m.opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	var adopted []*Process
	var failures []error
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".removed-") {
			_ = os.RemoveAll(filepath.Join(m.opts.Dir, name)) // a Remove that was cut short
		}
		if !entry.IsDir() || !validID.MatchString(name) {
			continue
		}
		done, err := m.claim(name)
		if errors.Is(err, errTaken) {
			continue
		} else if err != nil {
			return adopted, fmt.Errorf("recover: %w", err)
		}
		p, err := m.adopt(ctx, name)
		done(p)
		if err != nil {
			failures = append(failures, fmt.Errorf("recover %s: %w", name, err))
		}
		if p != nil {
			adopted = append(adopted, p)
		}
	}
	return adopted, errors.Join(failures...)
}

// adopt takes over one execution. Neither a process nor an error: there was none.
func (m *Manager) adopt(ctx context.Context, id string) (*Process, error) {
	folder := m.folder(id)
	record, live, err := m.inspect(ctx, folder)
	if err != nil {
		return nil, err
	}
	spec, err := shim.ReadSpec(folder)
	if neverSpawned := !live && record.Shim.PID == 0 && !exitKnown(folder); neverSpawned &&
		(errors.Is(err, fs.ErrNotExist) || errors.Is(err, shim.ErrSpec)) {
		return nil, os.RemoveAll(folder) // a manager died before its spec was whole
	}
	if err != nil {
		return nil, fmt.Errorf("read its spec: %w", err)
	}
	p, err := m.prepare(folder, spec)
	if err != nil {
		return nil, err
	}
	if !live {
		reapOwn(record.Shim)
		p.attachEnded(record)
		return p, nil
	}
	handle, err := openPidfd(record.Shim.PID)
	if err == nil && record.Shim.Alive() {
		p.attach(record, handle)
		return p, nil
	}
	// It ended since it was inspected.
	if handle != nil {
		handle.close()
	}
	reapOwn(record.Shim)
	p.attachEnded(record)
	return p, nil
}

// inspect says whether an execution lives. Its lock tells that a shim is there,
// without a gap even while one is starting; its record, which process that is.
func (m *Manager) inspect(ctx context.Context, folder string) (record shim.Record, live bool, err error) {
	for deadline := time.Now().Add(m.doubt); ; {
		held, err := lockHeld(folder)
		if err != nil {
			return record, false, err
		}
		err = readJSON(shim.RecordPath(folder), &record)
		known := err == nil && record.BootID == shim.BootID()
		switch {
		case known && record.Shim.Alive() && held:
			return record, true, nil
		case !held && known && (record.Shim.Alive() || record.Task.Alive() && !exitKnown(folder)):
			// A lock was taken away, or the task is on its way out behind its shim.
		case !held:
			return record, false, nil
		}
		if time.Now().After(deadline) {
			return record, false, errInDoubt
		}
		select { // a shim that is starting, or ending
		case <-ctx.Done():
			return record, false, context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// reapOwn collects a shim that ended between two managers of one process.
func reapOwn(id shim.Identity) {
	stat, err := shim.ReadStat(id.PID)
	if err == nil && stat.Start == id.Start && stat.Parent == os.Getpid() {
		_, _ = unix.Wait4(id.PID, nil, unix.WNOHANG, nil)
	}
}

func exitKnown(folder string) bool {
	_, err := os.Stat(shim.ExitPath(folder))
	return err == nil
}

func lockHeld(folder string) (bool, error) {
	file, err := shim.Open(shim.SpecPath(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// maxJSON bounds a record and an exit, in bytes.
const maxJSON = 1 << 20

func readJSON(path string, v any) error {
	data, err := shim.ReadFile(path, maxJSON)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
