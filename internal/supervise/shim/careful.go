package shim

import (
	"errors"
	"os"
	"syscall"
)

// The task may be of the same account as its shim and its manager, and then put
// into the execution's folder what it likes: a link to a file elsewhere, a pipe
// that nobody writes to, a file without an end.

// ErrNoFile is for what has a file's name in the folder and is none.
var ErrNoFile = errors.New("it is no regular file")

// errTooLong is for a file that is longer than it can be.
var errTooLong = errors.New("it is longer than it can be")

// Open opens a file of an execution's folder to read it. It follows no link, and
// waits for nobody.
func Open(path string) (*os.File, error) {
	// Straight to the system call: os.OpenFile would set up the poller first.
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err == syscall.ELOOP { // a link
		err = ErrNoFile
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var stat syscall.Stat_t
	if err = syscall.Fstat(fd, &stat); err == nil && stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
		err = ErrNoFile
	}
	if err != nil {
		_ = syscall.Close(fd)
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// ReadFile reads such a file, which has at most so many bytes.
func ReadFile(path string, most int) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > int64(most) {
		return nil, &os.PathError{Op: "read", Path: path, Err: errTooLong}
	}
	data := make([]byte, info.Size())
	n, err := file.ReadAt(data, 0)
	if n < len(data) && err != nil {
		return nil, err
	}
	return data, nil
}

// createFile makes a file in the place of what has its name.
func createFile(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "create", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
