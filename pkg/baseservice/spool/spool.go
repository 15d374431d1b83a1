package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// The errors that callers tell apart.
var (
	// ErrLocked means that another process has the folder.
	ErrLocked = errors.New("another process uses the folder: two must not run on one data folder")
	// ErrTooLarge means that a message is larger than MaxMessage.
	ErrTooLarge = fmt.Errorf("the message has more than %d bytes", MaxMessage)
)

// Options of a [Spool]. Folder is required.
type Options struct {
	Folder string // made when missing, mode 0700
	// MaxBytes bounds the files together; 64 MiB if zero, 64 KiB at least. Beyond
	// it the oldest eighth goes.
	MaxBytes int64
	// Lost, when set, is told how many messages were given up and why. It must not
	// use the spool.
	Lost func(messages int, why string)
}

// Spool is an open folder. Append may be called by many; Next and Confirm by one
// at a time.
type Spool struct {
	opt  Options
	lock *os.File

	mu       sync.Mutex
	segments []*segment // the oldest first
	writer   *os.File   // of the last segment; nil: the next message begins one
	bytes    int64
	left     int // messages that are not confirmed
	number   uint64
	line     []byte // room to build a line in

	at        place // what is confirmed
	placeFile *os.File

	reader *os.File // of the segment that is read
	reads  uint64   // its number
}

// Open takes a folder, with what an earlier process left in it. It fails with
// ErrLocked if another process has it.
func Open(opt Options) (_ *Spool, err error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 64 << 20
	}
	opt.MaxBytes = max(opt.MaxBytes, 64<<10)
	if opt.Lost == nil {
		opt.Lost = func(int, string) {}
	}
	s := &Spool{opt: opt}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open the outbox %s: %w", opt.Folder, errors.Join(err, s.closeFiles()))
		}
	}()
	if err := os.MkdirAll(opt.Folder, 0o700); err != nil {
		return nil, err
	}
	if s.lock, err = os.OpenFile(filepath.Join(opt.Folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrLocked
	} else if err != nil {
		return nil, err
	}
	s.at = readPlace(opt.Folder)
	if s.segments, s.number, err = readSegments(opt.Folder, s.at, opt.Lost); err != nil {
		return nil, err
	}
	for _, g := range s.segments {
		s.bytes += g.size
		s.left += g.left
	}
	s.placeFile, err = os.OpenFile(filepath.Join(opt.Folder, placeName), os.O_RDWR|os.O_CREATE, 0o600)
	return s, err
}

// Append puts messages behind those that are there. When it fails, the first kept
// of them are in the spool, and the others are not.
func (s *Spool) Append(messages ...[]byte) (kept int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		if err := s.append(m); err != nil {
			return kept, err
		}
		kept++
	}
	return kept, nil
}

func (s *Spool) append(message []byte) error {
	if len(message) > MaxMessage {
		return ErrTooLarge
	}
	if s.lock == nil {
		return os.ErrClosed
	}
	s.line = appendLine(s.line[:0], message)
	n := int64(len(s.line))
	if s.writer != nil && s.last().size+n > s.opt.MaxBytes/8 {
		s.seal()
	}
	if s.writer == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	written, err := s.writer.Write(s.line)
	g := s.last()
	g.size += int64(written)
	s.bytes += int64(written)
	if err != nil {
		// What was torn ends the file.
		s.seal()
		return fmt.Errorf("write to the outbox: %w", err)
	}
	g.left++
	s.left++
	s.bound()
	return nil
}

func (s *Spool) last() *segment { return s.segments[len(s.segments)-1] }

// begin makes the next segment.
func (s *Spool) begin() error {
	path := segmentPath(s.opt.Folder, s.number+1)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("begin a file of the outbox: %w", err)
	}
	s.number++
	s.writer = f
	s.segments = append(s.segments, &segment{number: s.number, path: path})
	return nil
}

// seal ends the segment that is written; one without a message goes at once, so
// that a full disk is not filled with them.
func (s *Spool) seal() {
	_ = s.writer.Close() // its messages have been written
	s.writer = nil
	if g := s.last(); g.left == 0 {
		s.drop(len(s.segments) - 1)
	}
}

// bound drops the oldest segments beyond the bound, but never the last.
func (s *Spool) bound() {
	for s.bytes > s.opt.MaxBytes && len(s.segments) > 1 {
		lost := s.segments[0].left
		s.left -= lost
		s.drop(0)
		if lost > 0 {
			s.opt.Lost(lost, "the outbox is full")
		}
	}
}

// drop deletes a segment.
func (s *Spool) drop(i int) {
	g := s.segments[i]
	s.segments = slices.Delete(s.segments, i, i+1)
	s.bytes -= g.size
	// One that stays behind is known by its number as confirmed.
	_ = os.Remove(g.path)
}

// Len is how many messages are not confirmed; damaged ones count until they are
// found.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// Close lets go of the folder; what is not confirmed stays in it.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		for len(s.segments) > 0 {
			s.drop(0)
		}
	}
	return s.closeFiles()
}

func (s *Spool) closeFiles() error {
	var errs []error
	for _, f := range []**os.File{&s.writer, &s.reader, &s.placeFile, &s.lock} {
		if *f != nil {
			errs = append(errs, (*f).Close())
			*f = nil
		}
	}
	return errors.Join(errs...)
}
