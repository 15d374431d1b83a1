package amqpx

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// aloneWait is longer than a broker takes to miss a peer that is gone without a
	// word: two heartbeats, or the 60 to 75 s after which a cluster misses a node.
	aloneWait = 90 * time.Second
	aloneLook = 250 * time.Millisecond
	// aloneTell is when that is worth a word: a name is often let go right now.
	aloneTell = 2 * time.Second
)

// alone takes the name that only one worker has: an exclusive queue, which the broker
// gives to one connection and deletes with it.
func (w *worker) alone(ctx context.Context, s *session) error {
	if w.opt.Alone == "" {
		return nil
	}
	for began, told := time.Now(), false; ; {
		err := s.within(setupTimeout, func() error { return takeName(s.conn, "agata.alone."+w.opt.Alone) })
		ae, ok := errors.AsType[*amqp.Error](err)
		if !ok || ae.Code != amqp.ResourceLocked {
			return err
		}
		if time.Since(began) > w.t.aloneWait {
			return fatalError{fmt.Errorf("%w: %s serves on the broker at %s already, and this one keeps what it knows to itself: stop one of the two, or give all of them one database by [server.store] url, where that is enough", rpc.ErrAnother, w.opt.Alone, w.t.nodes)}
		}
		if !told && time.Since(began) > min(aloneTell, w.t.aloneWait/2) {
			w.t.log.Warn("another one of this service is on the broker, or was until just now; this one waits for its end", "service", w.opt.Alone, "for", w.t.aloneWait)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil // the caller sees it too
		case <-s.lost:
			return s.err
		case <-time.After(aloneLook):
		}
	}
}

func takeName(conn *amqp.Connection, queue string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel for a name: %w", err)
	}
	if _, err := ch.QueueDeclare(queue, false, false, true, false, nil); err != nil {
		return fmt.Errorf("take the name %s: %w", queue, err)
	}
	return ch.Close()
}
