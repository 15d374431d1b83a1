package supervise

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pidfd is a handle on one process, our child or not. Unlike a pid it never
// comes to mean another process. Waiting parks a goroutine, not a thread.
type pidfd struct{ file *os.File }

// openPidfd opens a process by its pid; the caller then checks that it is the
// right one, which the handle keeps true.
func openPidfd(pid int) (*pidfd, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.EINVAL) { // before Linux 5.10 the flag is unknown
		fd, err = unix.PidfdOpen(pid, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open a handle on process %d: %w", pid, err)
	}
	return newPidfd(fd)
}

func newPidfd(fd int) (*pidfd, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("prepare a process handle: %w", err)
	}
	return &pidfd{file: os.NewFile(uintptr(fd), "pidfd")}, nil
}

// wait blocks until the process has ended. With a deadline set meanwhile (see
// interrupt) it returns os.ErrDeadlineExceeded.
func (p *pidfd) wait() error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		return err == nil && n > 0
	})
}

// waitFor is wait with a bound.
func (p *pidfd) waitFor(bound time.Duration) error {
	if err := p.file.SetReadDeadline(time.Now().Add(bound)); err != nil {
		return err
	}
	return p.wait()
}

// interrupt makes a wait return now.
func (p *pidfd) interrupt() { _ = p.file.SetReadDeadline(time.Unix(1, 0)) }

func (p *pidfd) signal(sig syscall.Signal) error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	return sent
}

// reap collects the ended process if it is a child of ours; else it does nothing.
func (p *pidfd) reap() {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = unix.Waitid(unix.P_PIDFD, int(fd), nil, unix.WEXITED|unix.WNOHANG, nil)
	})
}

func (p *pidfd) close() { _ = p.file.Close() }
