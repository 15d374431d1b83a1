package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// watchdog ends a request when nothing has arrived for a while. A deadline for the
// whole would have to be longer than the largest file takes on the slowest line.
type watchdog struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
	idle   time.Duration
}

var errIdle = errors.New("nothing arrived")

func newWatchdog(ctx context.Context, idle time.Duration) (*watchdog, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &watchdog{
		timer:  time.AfterFunc(idle, func() { cancel(errIdle) }),
		cancel: cancel,
		idle:   idle,
	}, ctx
}

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain replaces the "context canceled" of a request that the watchdog has ended.
func (w *watchdog) explain(ctx context.Context, err error) error {
	if context.Cause(ctx) == errIdle {
		return &tryAgain{fmt.Errorf("%w for %v", errIdle, w.idle)}
	}
	return err
}

// reader feeds the watchdog with each piece.
func (w *watchdog) reader(r io.Reader) io.Reader { return &watchedReader{r, w} }

type watchedReader struct {
	io.Reader
	dog *watchdog
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.dog.timer.Reset(r.dog.idle)
	}
	return n, err
}
