package supervise

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// waiting is a shim that has started and waits for its order. A manager keeps
// one spare, since most of the time that a start takes is the shim's own: it is
// this binary, and a big one. It ends by itself when its manager does.
type waiting struct {
	handle *pidfd
	orders *os.File // our end of its socket
}

// startShim re-executes this binary. The shim's environment is its own: it must
// not look like a part of the task to a sweep, and needs little of the runtime.
func startShim() (*waiting, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket for a shim: %w", err)
	}
	orders, theirs := os.NewFile(uintptr(pair[0]), "orders"), os.NewFile(uintptr(pair[1]), "orders of the shim")
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, orders.Close())
	}
	defer null.Close()
	fd := -1
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"agata-shim", shim.Arg}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=16MiB"},
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd(), theirs.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &fd},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a shim: %w", err), orders.Close())
	}
	var handle *pidfd
	if fd >= 0 {
		handle, err = newPidfd(fd)
	} else {
		handle, err = openPidfd(pid)
	}
	if err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		return nil, errors.Join(err, orders.Close())
	}
	return &waiting{handle: handle, orders: orders}, nil
}

// order hands an execution to the shim, with the lock that tells others that it
// has one. What the shim makes of it comes through the returned pipe.
func (w *waiting) order(folder string, lock *os.File) (*os.File, error) {
	defer w.orders.Close()
	return w.send(shim.OrderStart, folder, lock)
}

// send gives the shim one order.
func (w *waiting) send(what, folder string, lock *os.File) (*os.File, error) {
	log, err := os.OpenFile(shim.ShimLogPath(folder), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	rights := syscall.UnixRights(int(log.Fd()), int(writer.Fd()), int(lock.Fd()))
	if err := syscall.Sendmsg(int(w.orders.Fd()), []byte(what+folder), rights, nil, syscall.MSG_NOSIGNAL); err != nil {
		return nil, errors.Join(fmt.Errorf("give a shim its order: %w", err), reader.Close())
	}
	return reader, nil
}

// dismiss ends a shim that got no order.
func (w *waiting) dismiss() {
	_ = w.orders.Close()
	if w.handle.waitFor(goneBound) != nil {
		_ = w.handle.signal(syscall.SIGKILL)
		_ = w.handle.waitFor(goneBound)
	}
	w.handle.reap()
	w.handle.close()
}

// employ gives an execution to the shim of a warm interpreter, if there is one, to
// the spare shim, or to a new one when there is none that lives.
func (m *Manager) employ(folder string, lock *os.File, warm *warmed) (*pidfd, *os.File, error) {
	if warm != nil {
		reader, err := warm.shim.order(folder, lock)
		return warm.shim.handle, reader, err
	}
	m.mu.Lock()
	spare := m.spare
	m.spare = nil
	m.mu.Unlock()
	if spare != nil {
		if reader, err := spare.order(folder, lock); err == nil {
			return spare.handle, reader, nil
		}
		spare.dismiss()
	}
	fresh, err := startShim()
	if err != nil {
		return nil, nil, err
	}
	reader, err := fresh.order(folder, lock)
	if err != nil {
		fresh.dismiss()
		return nil, nil, err
	}
	return fresh.handle, reader, nil
}

// refill starts a spare shim if there is none. Without one the next start takes
// longer, and says what is wrong.
func (m *Manager) refill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spare != nil || m.closed {
		return
	}
	spare, err := startShim()
	if err != nil {
		m.log.Warn("no spare shim could be started", "err", err)
		return
	}
	m.spare = spare
}
