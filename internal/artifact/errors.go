package artifact

import (
	"errors"
	"fmt"
)

// The errors of this package wrap one of these, and name the task and the file.
var (
	// ErrBadPath: the name of a file is refused before anything is touched.
	ErrBadPath = errors.New("refused file name")
	// ErrBadTaskID: a task id cannot be part of a folder's name.
	ErrBadTaskID = errors.New("refused task id")
	// ErrForbidden: the token is another task's.
	ErrForbidden = errors.New("not allowed for task")
	// ErrNotFound: the task or the file does not exist.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized: the server refused the task's user name and password.
	ErrUnauthorized = errors.New("wrong user name or password for the task")
	// ErrUnavailable: the server did not answer in a useful way, after all tries.
	ErrUnavailable = errors.New("the file server is unavailable")
	// ErrDigest: the received bytes are not the ones that the server announced.
	ErrDigest = errors.New("the content does not match its digest")
	// ErrTooLarge: a limit on sizes or on the number of files.
	ErrTooLarge = errors.New("over the limit")
)

// Limits bounds what is stored or fetched at once. Zero fields mean the defaults.
type Limits struct {
	FileBytes  int64 // one file; default 512 MiB
	TotalBytes int64 // all files of one upload or fetch; default 2 GiB, or two of the largest
	Files      int   // files of one upload, fetch or listing; default 1024
}

func (l Limits) withDefaults() Limits {
	if l.FileBytes <= 0 {
		l.FileBytes = 512 << 20
	}
	if l.TotalBytes <= 0 {
		l.TotalBytes = max(2<<30, 2*l.FileBytes)
	}
	if l.Files <= 0 {
		l.Files = 1024
	}
	return l
}

func (l Limits) checkFiles(n int) error {
	if n > l.Files {
		return fmt.Errorf("%w: more than %d files", ErrTooLarge, l.Files)
	}
	return nil
}
