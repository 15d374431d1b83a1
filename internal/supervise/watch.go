package supervise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watcher tells followers that their files have grown. One inotify instance
// serves a manager: a user has few of them (128 by default), but many watches.
type watcher struct {
	fd   int
	file *os.File
	done chan struct{}

	mu    sync.Mutex // guards wakes
	wakes map[int32]chan<- struct{}
}

func newWatcher() (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create an inotify instance (fs.inotify.max_user_instances may be reached): %w", err)
	}
	w := &watcher{fd: fd, file: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{}), wakes: map[int32]chan<- struct{}{}}
	go w.run()
	return w, nil
}

// add makes every write to path put a token into wake.
func (w *watcher) add(path string, wake chan<- struct{}) (int32, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wd, err := unix.InotifyAddWatch(w.fd, path, unix.IN_MODIFY)
	if err != nil {
		return 0, fmt.Errorf("watch %s: %w", path, err)
	}
	w.wakes[int32(wd)] = wake
	return int32(wd), nil
}

func (w *watcher) remove(wd int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.wakes[wd]; ok {
		delete(w.wakes, wd)
		_, _ = unix.InotifyRmWatch(w.fd, uint32(wd))
	}
}

func (w *watcher) run() {
	defer close(w.done)
	buf := make([]byte, 64*unix.SizeofInotifyEvent)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return // closed
		}
		for event := buf[:n]; len(event) >= unix.SizeofInotifyEvent; {
			wd := int32(binary.NativeEndian.Uint32(event))
			mask := binary.NativeEndian.Uint32(event[4:])
			length := binary.NativeEndian.Uint32(event[12:])
			w.wake(wd, mask)
			event = event[unix.SizeofInotifyEvent+int(length):]
		}
	}
}

func (w *watcher) wake(wd int32, mask uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if mask&unix.IN_Q_OVERFLOW != 0 { // events were lost: everybody looks
		for _, wake := range w.wakes {
			poke(wake)
		}
		return
	}
	if mask&unix.IN_IGNORED != 0 {
		delete(w.wakes, wd)
		return
	}
	if wake, ok := w.wakes[wd]; ok {
		poke(wake)
	}
}

func poke(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default: // one token is enough
	}
}

func (w *watcher) close() {
	_ = w.file.Close()
	<-w.done
}
