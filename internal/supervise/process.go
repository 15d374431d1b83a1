package supervise

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// Process is one execution: running, or ended and not yet removed. Its methods
// may be called from any goroutine.
type Process struct {
	m      *Manager
	spec   shim.Spec
	folder string
	record shim.Record
	handle *pidfd // of the shim; nil if it was adopted ended
	warm   bool   // this manager started it with a warm interpreter

	cursor *cursor
	taps   []*tap
	wake   chan struct{}
	lines  chan Line

	ctx      context.Context // ends when this process is left: the manager detaches, or Remove
	leave    context.CancelFunc
	ended    chan struct{} // the exit is known
	done     chan struct{} // ended, or left
	followed chan struct{} // the follower has returned
	exit     Exit          // set before ended is closed

	releaseOnce sync.Once
}

// prepare opens all that following a process takes, before there is one.
func (m *Manager) prepare(folder string, spec shim.Spec) (*Process, error) {
	p := &Process{
		m: m, spec: spec, folder: folder,
		wake: make(chan struct{}, 1), lines: make(chan Line, m.opts.LineBuffer),
		ended: make(chan struct{}), done: make(chan struct{}), followed: make(chan struct{}),
	}
	p.ctx, p.leave = context.WithCancel(m.detachCtx)
	var err error
	if p.cursor, err = openCursor(folder); err != nil {
		p.leave()
		return nil, err
	}
	for stream, path := range p.paths() {
		t, err := openTap(m.watch, p.wake, path, stream, p.cursor.offset(stream), spec.Limits.LogBytes)
		if err != nil {
			p.release()
			return nil, err
		}
		p.taps = append(p.taps, t)
	}
	return p, nil
}

func (p *Process) paths() func(yield func(Stream, string) bool) {
	return func(yield func(Stream, string) bool) {
		_ = yield(Report, shim.ReportsPath(p.folder)) &&
			yield(Stdout, shim.StdoutPath(p.folder)) &&
			yield(Stderr, shim.StderrPath(p.folder))
	}
}

// attach begins to watch a running process.
func (p *Process) attach(record shim.Record, handle *pidfd) {
	p.record, p.handle = record, handle
	p.m.running.Go(p.await)
	p.m.running.Go(p.follow)
}

// attachEnded begins to deliver what an ended process has left.
func (p *Process) attachEnded(record shim.Record) {
	p.record = record
	p.conclude()
	p.m.running.Go(p.follow)
}

// ID is the execution's id.
func (p *Process) ID() string { return p.spec.ID }

// TaskID is the Spec's.
func (p *Process) TaskID() string { return p.spec.TaskID }

// Labels returns a copy of the Spec's.
func (p *Process) Labels() map[string]string { return maps.Clone(p.spec.Labels) }

// PID is the task's own process id, and that of its process group. Do not signal
// it: once the process has ended the number may be another's. Use Stop.
func (p *Process) PID() int { return p.record.Task.PID }

// Warm says whether this manager gave the task to an interpreter that had imported
// its modules before.
func (p *Process) Warm() bool { return p.warm }

// StartedAt is when the task was exec'd.
func (p *Process) StartedAt() time.Time { return p.record.Started }

// Folder holds the execution's files: stdout.log, stderr.log, reports.jsonl.
func (p *Process) Folder() string { return p.folder }

// Lines delivers what the process writes, within about a millisecond, each
// stream in order. It is closed after the last line of an ended process, and
// then Done is closed as well; or when the manager detaches. A reader that does
// not keep up slows nobody: the lines wait in files.
func (p *Process) Lines() <-chan Line { return p.lines }

// Commit says that a line, and all before it in its stream, have been dealt
// with: a manager that adopts this process begins behind it. It is one write to
// the page cache, not synced: it survives a killed manager. Commit after the
// effect for at-least-once, before it for at-most-once.
func (p *Process) Commit(line Line) error { return p.cursor.commit(line.Stream, line.next) }

// Done is closed when the process and all its descendants have ended, whether or
// not Lines is read; or when the manager detaches, and then Exit says false.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit says how the process ended; false while that is not known.
func (p *Process) Exit() (Exit, bool) {
	select {
	case <-p.ended:
		return p.exit, true
	default:
		return Exit{}, false
	}
}

// Stop ends the process and its descendants: SIGTERM to the group, SIGKILL after
// the grace, then whatever is left. It returns when all are gone, at the latest
// ten seconds after the grace. The shim does the work, so it is finished even
// if ctx ends, or this manager dies, before. Stopping an ended process is fine.
func (p *Process) Stop(ctx context.Context) error {
	return p.stop(ctx, syscall.SIGTERM, p.spec.Grace)
}

// Kill ends the process and its descendants at once, without a word to them; it
// is otherwise as Stop, also for one that is being stopped.
func (p *Process) Kill(ctx context.Context) error { return p.stop(ctx, shim.KillSignal, 0) }

func (p *Process) stop(ctx context.Context, order syscall.Signal, grace time.Duration) error {
	if _, ended := p.Exit(); ended {
		return nil
	}
	_ = p.handle.signal(order) // an error means that it has just ended
	bound := time.NewTimer(grace + p.m.patience)
	defer bound.Stop()
	for hard := false; ; {
		select {
		case <-p.done:
			if _, ended := p.Exit(); !ended {
				return fmt.Errorf("stop %s: %w; the stop goes on", p.ID(), ErrClosed)
			}
			return nil
		case <-ctx.Done():
			return fmt.Errorf("stop %s: stopped waiting, the stop goes on: %w", p.ID(), context.Cause(ctx))
		case <-bound.C:
			if hard {
				return fmt.Errorf("stop %s: process %d does not end, even killed", p.ID(), p.PID())
			}
			hard = true
			_ = p.handle.signal(syscall.SIGKILL) // a shim that hangs; its task dies with it
			bound.Reset(2 * goneBound)           // for the sweep
		}
	}
}

// Remove deletes the folder of an ended process; its lines end. ErrRunning if it
// has not ended.
func (p *Process) Remove() error {
	if _, ended := p.Exit(); !ended {
		return fmt.Errorf("remove %s: %w", p.ID(), ErrRunning)
	}
	p.leave()
	<-p.done
	<-p.followed
	p.release()
	// Renamed first: a folder half deleted must not look like an execution.
	trash := filepath.Join(p.m.opts.Dir, ".removed-"+p.ID())
	if err := os.RemoveAll(trash); err != nil {
		return fmt.Errorf("remove %s: %w", p.ID(), err)
	}
	if err := os.Rename(p.folder, trash); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", p.ID(), err)
	}
	p.m.forget(p.ID())
	if err := os.RemoveAll(trash); err != nil {
		return fmt.Errorf("remove %s: %w", p.ID(), err)
	}
	return nil
}

// release closes what following took.
func (p *Process) release() {
	p.releaseOnce.Do(func() {
		p.leave()
		for _, t := range p.taps {
			t.close()
		}
		p.cursor.close()
	})
}
