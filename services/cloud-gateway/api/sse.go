package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

const (
	// heartbeat is how often a stream without news shows that it is there.
	heartbeat = 15 * time.Second
	// slowReader is how long a reader may take for a message; then it is cut off,
	// and resumes where it was.
	slowReader = 15 * time.Second
	// recheck is how often a stream makes sure that its reader still may read it.
	recheck = 2 * time.Second
)

// events is a stream of server-sent events. Not for concurrent use.
type events struct {
	w        http.ResponseWriter
	ctl      *http.ResponseController
	conn     net.Conn        // of a detached stream, in place of w and ctl; nil of others
	draining <-chan struct{} // of a detached stream
	last     time.Time       // something was sent
	id       string          // that a reader resumes from, beyond what it was sent; "" if none
}

// serveEvents answers with a stream that fn fills. It ends when fn returns, when
// the reader leaves or may no longer read, and at once when the server drains.
func serveEvents(w http.ResponseWriter, r *http.Request, fn func(context.Context, *events) error) error {
	s := startEvents(w)
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer cancel()
		tick := time.NewTicker(recheck)
		defer tick.Stop()
		for guard.Check(ctx) == nil {
			select {
			case <-httpx.Draining(ctx):
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	if err := s.write([]byte("retry: 2000\n\n")); err != nil {
		return nil // the reader is gone
	}
	// Whatever ends a stream, the reader opens it again where it was: there is
	// nothing left to answer.
	_ = fn(ctx, s)
	return nil
}

// startEvents makes an answer a stream; nothing is sent yet.
func startEvents(w http.ResponseWriter) *events {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	return &events{w: w, ctl: http.NewResponseController(w), last: time.Now()}
}

// send sends an event with data, which has no line breaks; id is what a reader
// resumes after, or "".
func (s *events) send(id, event string, data []byte) error {
	return s.write(message(nil, id, event, data))
}

// message appends an event to b.
func message(b []byte, id, event string, data []byte) []byte {
	if id != "" {
		b = fmt.Appendf(b, "id: %s\n", id)
	}
	b = fmt.Appendf(b, "event: %s\ndata: ", event)
	b = append(b, data...)
	return append(b, "\n\n"...)
}

func (s *events) write(b []byte) error {
	if s.conn != nil {
		patience := slowReader
		select {
		case <-s.draining:
			patience = lastWord
		default:
		}
		if err := s.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err := s.conn.Write(b)
		return err
	}
	// A writer without deadlines is a test's recorder; it never blocks.
	if err := s.ctl.SetWriteDeadline(time.Now().Add(slowReader)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	s.last = time.Now()
	return s.ctl.Flush()
}

// beat shows that the stream is there, if nothing else has done so lately. The id
// moves on without an event: readers keep it.
func (s *events) beat() error {
	if time.Since(s.last) < heartbeat {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(": \n")
	if s.id != "" {
		fmt.Fprintf(&b, "id: %s\n", s.id)
	}
	b.WriteString("\n")
	return s.write(b.Bytes())
}

// pause waits, and beats.
func (s *events) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return s.beat()
	}
}
