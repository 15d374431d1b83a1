package supervise

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// tap reads one stream of a process from its file.
type tap struct {
	file  *os.File
	split *splitter
	limit int64 // the log bound; <= 0: none
	watch *watcher
	wd    int32
}

func openTap(w *watcher, wake chan<- struct{}, path string, stream Stream, offset, limit int64) (*tap, error) {
	file, err := shim.Open(path)
	if err != nil {
		return nil, fmt.Errorf("follow the %s: %w", stream, err)
	}
	wd, err := w.add(path, wake)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &tap{file: file, split: newSplitter(stream, offset), limit: limit, watch: w, wd: wd}, nil
}

// read returns the next bytes; none at the end of the file.
func (t *tap) read(buf []byte) ([]byte, error) {
	for {
		fd, pos := int(t.file.Fd()), t.split.pos
		n, err := unix.Pread(fd, buf, pos)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return nil, err
		}
		if t.limit <= 0 {
			return buf[:n], nil
		}
		// A reader far behind may have read a hole that the shim punched, before
		// or just now.
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			return nil, err
		}
		if stat.Size-pos <= t.limit {
			return buf[:n], nil
		}
		data, err := unix.Seek(fd, pos, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			data = stat.Size
		} else if err != nil {
			return buf[:n], nil // the file system cannot tell, so it punches none
		}
		if data == pos {
			return buf[:n], nil
		}
		t.split.jump(data)
	}
}

func (t *tap) close() {
	t.watch.remove(t.wd)
	_ = t.file.Close()
}

// follow delivers the lines of all streams until the process has ended and all
// is delivered, or until it is left.
func (p *Process) follow() {
	defer close(p.followed)
	defer close(p.lines)
	buf := make([]byte, 16<<10)
	for {
		_, ended := p.Exit() // asked first: what comes after it is read below
		if !p.drain(buf) {
			return
		}
		if ended {
			break
		}
		select {
		case <-p.wake:
		case <-p.ended:
		case <-p.ctx.Done():
			return
		}
	}
	for _, t := range p.taps {
		if line, ok := t.split.rest(); ok && !p.send(line) {
			return
		}
	}
	for _, t := range p.taps {
		t.close()
	}
	p.cursor.close()
}

// drain reads all streams to their ends, a piece of each in turn, so that a busy
// one does not hold up the others. False: the process was left.
func (p *Process) drain(buf []byte) bool {
	for more := true; more; {
		more = false
		for _, t := range p.taps {
			data, err := t.read(buf)
			if err != nil {
				p.m.log.Error("the output of a process cannot be read", "id", p.ID(), "stream", string(t.split.stream), "err", err)
				continue
			}
			more = more || len(data) > 0
			for len(data) > 0 {
				n, line, complete := t.split.feed(data)
				data = data[n:]
				if complete && !p.send(line) {
					return false
				}
			}
		}
	}
	return p.ctx.Err() == nil
}

func (p *Process) send(line Line) bool {
	select {
	case p.lines <- line:
		return true
	case <-p.ctx.Done():
		return false
	}
}
