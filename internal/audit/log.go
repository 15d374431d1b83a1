package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Log is an audit log that is open for writing. It is safe for concurrent use.
type Log struct {
	path string
	key  []byte
	log  *slog.Logger

	mu     sync.Mutex
	file   *os.File
	head   Head
	missed int // entries that could not be written since the last one that could
}

// Key is what the logs of a cloud with a key are made with; nil for the zero key.
func Key(k rpc.Key) []byte { return k.Derive("audit") }

// Open opens the log of a service, folder/service.jsonl, and makes it when it is
// missing. It reads the end alone: that all is in order is for [Verify]. A log that
// is shorter than its head says is not touched any more: what is left of it is
// moved aside, and the new one begins with an entry that says so. One log has one
// writer.
func Open(folder, service string, key []byte, log *slog.Logger) (*Log, error) {
	l := &Log{path: filepath.Join(folder, service+".jsonl"), key: key, log: log}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	why, err := l.open()
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	if why == nil {
		return l, nil
	}
	aside := fmt.Sprintf("%s.broken-%d", l.path, time.Now().UnixNano())
	l.log.Error("the audit log is not as it was written; it is moved aside and a new one begins", "log", l.path, "to", aside, "err", why)
	err = errors.Join(l.file.Close(), os.Rename(l.path, aside), ignoreMissing(os.Remove(headPath(l.path))))
	if err == nil {
		l.head = Head{}
		why2, err2 := l.open()
		err = errors.Join(why2, err2)
	}
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	return l, l.Append(Entry{Action: "audit_log_broken", On: filepath.Base(aside), Outcome: OK, Detail: why.Error()})
}

// open opens the file and finds its last entry. broken tells that what is there
// cannot be gone on with.
func (l *Log) open() (broken, err error) {
	if l.file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if err := unix.Flock(int(l.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is another process's: one service at a time writes it", l.path), l.file.Close())
	}
	known, err := readHead(l.path, l.key)
	if err != nil {
		return err, nil
	}
	last, sum, size, err := l.last()
	if err == nil {
		err = known.fits(l.path, last)
	}
	if err != nil {
		return err, nil
	}
	l.head = Head{last.Seq, sum}
	// What a killed writer left without its end is no entry, nobody was answered.
	if err := l.file.Truncate(size); err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	return nil, nil
}

// last finds the last whole entry, and where it ends.
func (l *Log) last() (e Entry, sum string, size int64, err error) {
	info, err := l.file.Stat()
	if err != nil {
		return e, "", 0, err
	}
	from := max(0, info.Size()-2*maxLine)
	tail := make([]byte, info.Size()-from)
	if _, err := io.ReadFull(io.NewSectionReader(l.file, from, int64(len(tail))), tail); err != nil {
		return e, "", 0, err
	}
	end := bytes.LastIndexByte(tail, '\n')
	if end < 0 {
		if from > 0 {
			return e, "", 0, errors.New("its end holds no entry")
		}
		return e, "", 0, nil // nothing, or a first entry without its end
	}
	begin := bytes.LastIndexByte(tail[:end], '\n') + 1
	if e, sum, err = open(tail[begin:end], l.key); err != nil {
		return e, "", 0, fmt.Errorf("its last entry: %w", err)
	}
	return e, sum, from + int64(end) + 1, nil
}

// Append writes an entry; its number, its time if it has none, and its place in
// the chain are filled in. When it cannot be written, which is logged, later
// entries tell how many are missing.
func (l *Log) Append(e Entry) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Detail, e.On = shorten(e.Detail), shorten(e.On)
	if len(e.Arguments) > maxText {
		e.Arguments = nil
	}
	if l.missed > 0 {
		e.Detail = fmt.Sprintf("%s [%d entries before this one could not be written]", e.Detail, l.missed)
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.Seq, e.Prev = l.head.Seq+1, l.head.Hash
	line, sum, err := e.seal(l.key)
	if err == nil {
		err = l.write(line)
	}
	if err == nil {
		l.head = Head{e.Seq, sum}
		err = writeHead(l.path, l.head, l.key)
	} else {
		l.missed++
	}
	if err != nil {
		l.log.Error("the audit log lacks an entry", "action", e.Action, "on", e.On, "who", e.Who, "outcome", e.Outcome, "err", err)
		return fmt.Errorf("write the audit log: %w", err)
	}
	l.missed = 0
	return nil
}

// write appends a line, all of it or nothing.
func (l *Log) write(line []byte) error {
	before, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(line); err != nil {
		return errors.Join(err, l.file.Truncate(before))
	}
	return nil
}

// Head is the last entry's.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close flushes the log to the disk.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.file.Sync(), l.file.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
