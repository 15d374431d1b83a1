package shim

import (
	"os"
	"syscall"
	"time"
)

const (
	fallocKeepSize  = 0x1
	fallocPunchHole = 0x2
	holeAlign       = 1 << 16 // a whole number of blocks on every usual file system

	// boundPause is the rest between two looks while a task writes without end.
	boundPause = 250 * time.Millisecond
)

// boundFiles keeps the last limit bytes of each file and gives the blocks before
// them back to the file system. Sizes and offsets do not change, so a reader's
// cursor stays right. It sleeps until a file is written to, so that an idle task
// costs nothing. A file may pass the limit by what is written in boundPause.
func boundFiles(files []*os.File, limit int64) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return
	}
	events := os.NewFile(uintptr(fd), "inotify")
	for _, file := range files {
		if _, err := syscall.InotifyAddWatch(fd, file.Name(), syscall.IN_MODIFY); err != nil {
			return
		}
	}
	punched := make([]int64, len(files))
	buf := make([]byte, 4096)
	for {
		for i, file := range files {
			if err := Punch(file, &punched[i], limit); err != nil {
				return // the manager has said so already
			}
		}
		if _, err := events.Read(buf); err != nil {
			return
		}
		time.Sleep(boundPause)
	}
}

// Punch frees the blocks of file before its last limit bytes; done is how far
// that went before. A manager uses it to learn whether a file system can.
func Punch(file *os.File, done *int64, limit int64) error {
	var stat syscall.Stat_t
	if err := syscall.Fstat(int(file.Fd()), &stat); err != nil {
		return err
	}
	if stat.Size-*done <= limit {
		return nil
	}
	// An eighth more than needed, so that it happens now and then, not each time.
	upTo := (stat.Size - limit + limit/8) / holeAlign * holeAlign
	if upTo <= *done {
		return nil
	}
	err := syscall.Fallocate(int(file.Fd()), fallocPunchHole|fallocKeepSize, 0, upTo)
	if err == nil {
		*done = upTo
	}
	return err
}
