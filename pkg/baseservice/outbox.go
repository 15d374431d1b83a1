package baseservice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/baseservice/spool"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxWaiting bounds the messages that wait for the broker in memory; past it
	// the oldest are dropped and counted.
	maxWaiting = 10_000
	// atOnce is how many messages of the disk are published together.
	atOnce = 256
	// flushTime bounds the last attempt to deliver when a service stops.
	flushTime = time.Second
	// diskRetry is how soon a disk that took no message is tried again.
	diskRetry = time.Second
)

// outbox holds messages for one queue and publishes them beside the work that
// they tell of: putting one in never waits for the broker. With a folder they wait
// on the disk, and survive the process; without one, and while the disk takes
// none, in memory.
type outbox struct {
	publisher rpc.Publisher
	queue     string
	log       *slog.Logger
	dropped   prometheus.Counter
	inMemory  prometheus.Counter // messages that the disk did not take
	folder    string             // "": memory alone
	maxBytes  int64
	wake      chan struct{}

	mu      sync.Mutex
	opened  bool
	disk    *spool.Spool // nil: not open, or it could not be
	waiting [][]byte     // newer than what is on the disk
	flying  bool         // some of those in memory are being published
	refused bool         // the disk took no message; retry is when it is tried again
	retry   time.Time
}

// open opens the folder. Only one that another process has is an error: a disk
// that is full or broken is tried again later.
func (o *outbox) open() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.folder == "" || o.opened {
		return nil
	}
	switch err := o.mount(); {
	case errors.Is(err, spool.ErrLocked):
		return err
	case err != nil:
		o.trouble(err)
	}
	o.opened = true
	return nil
}

// mount takes the folder. mu is held.
func (o *outbox) mount() error {
	disk, err := spool.Open(spool.Options{Folder: o.folder, MaxBytes: o.maxBytes, Lost: o.lost})
	if err != nil {
		return err
	}
	o.disk = disk
	if n := disk.Len(); n > 0 {
		o.log.Info("messages of an earlier run wait for the broker", "queue", o.queue, "messages", n)
		o.wakeUp()
	}
	o.spill()
	return nil
}

// lost counts what the spool gives up; mu may be held.
func (o *outbox) lost(messages int, why string) {
	o.dropped.Add(float64(messages))
	o.log.Warn("messages for the broker are lost", "queue", o.queue, "messages", messages, "reason", why)
}

// trouble notes that the disk does not work, and says so once.
func (o *outbox) trouble(err error) {
	if !o.refused {
		o.log.Error("messages for the broker wait in memory: the disk does not take them", "queue", o.queue, "err", err)
	}
	o.refused, o.retry = true, time.Now().Add(diskRetry)
}

// put takes a message, which it keeps.
func (o *outbox) put(body []byte) {
	if len(body) > spool.MaxMessage {
		o.lost(1, fmt.Sprintf("it has %d bytes, more than the %d that are allowed", len(body), spool.MaxMessage))
		return
	}
	o.mu.Lock()
	if !o.store(body) {
		if o.refused {
			o.inMemory.Inc()
		}
		o.waiting = append(o.waiting, body)
		o.bound()
	}
	o.mu.Unlock()
	o.wakeUp()
}

func (o *outbox) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// store puts a message on the disk, unless older ones have to wait in memory. mu
// is held.
func (o *outbox) store(body []byte) bool {
	if !o.opened || o.flying || o.refused && time.Now().Before(o.retry) {
		return false
	}
	if o.disk == nil {
		if err := o.mount(); err != nil {
			o.trouble(err)
			return false
		}
	}
	if !o.spill() {
		return false
	}
	if _, err := o.disk.Append(body); err != nil {
		o.trouble(err)
		return false
	}
	if o.refused {
		o.refused = false
		o.log.Info("the disk takes messages for the broker again", "queue", o.queue)
	}
	return true
}

// spill moves what waits in memory to the disk, and tells whether nothing is left
// there. mu is held.
func (o *outbox) spill() bool {
	kept, err := o.disk.Append(o.waiting...)
	if o.waiting = o.waiting[kept:]; err != nil {
		o.trouble(err)
		return false
	}
	o.waiting = nil
	return true
}

// bound drops the oldest in memory beyond the bound. mu is held.
func (o *outbox) bound() {
	if over := len(o.waiting) - maxWaiting; over > 0 {
		o.waiting = o.waiting[over:]
		o.dropped.Add(float64(over))
	}
}

// run delivers until ctx ends, and then what is left, within a bound. What is on
// the disk then stays there.
func (o *outbox) run(ctx context.Context) {
	// A batch under way when the stop comes is given the flush time as well: cut
	// off, it would go out again, and its messages come twice.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stopped := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(flushTime):
			end()
		case <-life.Done():
		}
	})
	defer stopped()
	for ctx.Err() == nil {
		select {
		case <-o.wake:
			o.deliver(life, ctx.Done())
		case <-ctx.Done():
		}
	}
	o.deliver(life, nil)
	o.close()
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened = false
	if o.disk != nil {
		o.spill()
		if n := o.disk.Len(); n > 0 {
			o.log.Info("messages wait on the disk for the next start", "queue", o.queue, "messages", n)
		}
		if err := o.disk.Close(); err != nil {
			o.log.Warn("the outbox was not closed cleanly", "queue", o.queue, "err", err)
		}
		o.disk = nil
	}
	if n := len(o.waiting); n > 0 {
		o.dropped.Add(float64(n))
		o.log.Warn("messages are given up: the broker did not take them before the stop", "queue", o.queue, "messages", n)
	}
}

// deliver publishes what waits, again and again while the broker is away, until
// ctx ends or stop is closed. A batch whose fate is unknown goes out again.
func (o *outbox) deliver(ctx context.Context, stop <-chan struct{}) {
	for ctx.Err() == nil {
		bodies, settle := o.next()
		if len(bodies) == 0 {
			return
		}
		err := o.publisher.Publish(ctx, o.queue, bodies...)
		settle(err == nil)
		if err == nil {
			continue
		}
		o.log.Debug("messages wait for the broker", "queue", o.queue, "waiting", len(bodies), "err", err)
		select {
		case <-stop:
			return
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// next returns the oldest messages, and what is to be told how publishing them
// went.
func (o *outbox) next() (bodies [][]byte, settle func(published bool)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.disk != nil {
		if batch := o.disk.Next(atOnce); len(batch.Messages) > 0 {
			disk := o.disk
			return batch.Messages, func(published bool) {
				if !published {
					return
				}
				if err := disk.Confirm(batch); err != nil {
					o.log.Warn("messages may come twice after a restart", "queue", o.queue, "err", err)
				}
			}
		}
	}
	bodies = o.waiting
	o.waiting, o.flying = nil, len(bodies) > 0
	return bodies, func(published bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.flying = false
		if !published {
			o.waiting = append(bodies, o.waiting...)
			o.bound()
		}
	}
}
