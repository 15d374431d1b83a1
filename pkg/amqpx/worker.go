package amqpx

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/rpc"
)

// worker serves endpoints over session after session. Handlers outlive the
// session that brought their call; their limits hold across sessions.
type worker struct {
	t     *Transport
	opt   rpc.ServeOptions
	ready func()

	handlers sync.WaitGroup
	slots    []chan struct{} // by endpoint: one token a running handler
	drain    func() error    // waits for running handlers, once
}

func (w *worker) run(ctx context.Context) error {
	w.slots = make([]chan struct{}, len(w.opt.Endpoints))
	for i := range w.opt.Endpoints {
		ep := &w.opt.Endpoints[i]
		ep.Concurrency = max(ep.Concurrency, 1)
		ep.Prefetch = max(ep.Prefetch, ep.Concurrency)
		w.slots[i] = make(chan struct{}, ep.Concurrency)
	}
	// Handlers do not end with ctx: they get the soft drain, then hard ends them.
	handlerCtx, hard := context.WithCancelCause(context.WithoutCancel(ctx))
	defer hard(nil)
	w.drain = sync.OnceValue(func() error { return w.drainHandlers(hard) })
	err := w.t.keep(ctx, "serve", func(ctx context.Context, s *session) error {
		return w.serve(ctx, handlerCtx, s)
	})
	return errors.Join(err, w.drain())
}

var errDrain = errors.New("the service is stopping")

// drainHandlers waits for running handlers, softly and then hard.
func (w *worker) drainHandlers(hard context.CancelCauseFunc) error {
	done := make(chan struct{})
	go func() { w.handlers.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(w.opt.SoftDrain):
	}
	hard(errDrain)
	select {
	case <-done:
		return nil
	case <-time.After(w.opt.HardDrain):
		return fmt.Errorf("handlers ignored the end of their contexts for %s", w.opt.HardDrain)
	}
}

// serve consumes on one session until it is lost or ctx ends; then it stops
// taking calls, gives back those it has not begun, and drains before the
// session closes, so that the last answers still go out.
func (w *worker) serve(ctx, handlerCtx context.Context, s *session) error {
	stop := make(chan struct{})
	var readers, introspection sync.WaitGroup
	var channels []*amqp.Channel
	end := func() {
		close(stop)
		for _, ch := range channels {
			// On a lost session the channel is closed; then nothing is left to cancel.
			_ = ch.Cancel(consumerTag, false)
		}
		readers.Wait() // no handler begins from here on
	}
	if err := w.alone(ctx, s); err != nil {
		end()
		return err
	}
	failed := make(chan error, len(w.opt.Endpoints)+1)
	for i := range w.opt.Endpoints {
		ch, deliveries, err := w.t.consume(s, w.opt.Endpoints[i].Function, w.opt.Endpoints[i].Prefetch)
		if err != nil {
			end()
			return err
		}
		channels = append(channels, ch)
		readers.Go(func() { w.read(handlerCtx, i, ch, deliveries, stop, failed) })
	}
	if w.opt.Introspect != nil {
		err := s.within(setupTimeout, func() error { return w.t.introspect(s, w.opt.Introspect, &introspection) })
		if err != nil {
			end()
			return err
		}
	}
	w.ready()
	var err error
	select {
	case <-s.lost:
		err = s.err
	case err = <-failed:
		if s.conn.IsClosed() { // which is why
			<-s.lost
			err = s.err
		}
	case <-ctx.Done():
	}
	end()
	if ctx.Err() != nil {
		err = w.drain()
	}
	s.close()
	introspection.Wait()
	return err
}

// consumerTag is the same on every channel: tags are the channel's own.
const consumerTag = "agata"

// read hands deliveries to handlers. After the stop it gives back what it has
// not begun.
func (w *worker) read(ctx context.Context, i int, ch *amqp.Channel, deliveries <-chan amqp.Delivery, stop <-chan struct{}, failed chan<- error) {
	ep := w.opt.Endpoints[i]
	crew := &crew{next: make(chan amqp.Delivery)}
	defer close(crew.next)
	for d := range deliveries {
		if !take(w.slots[i], stop) {
			_ = d.Nack(false, true) // on a lost session the broker has it back already
			continue
		}
		if crew.claim() {
			crew.next <- d
			continue
		}
		w.handlers.Go(func() {
			crew.work(d, func(d amqp.Delivery) { w.handle(ctx, ep, ch, d) }, func() { <-w.slots[i] })
		})
	}
	select {
	case <-stop:
	default:
		failed <- fmt.Errorf("the broker ended the consumer of %s", ep.Function)
	}
}

// take gets a slot; false once the stop has come.
func take(slots chan<- struct{}, stop <-chan struct{}) bool {
	select {
	case <-stop:
		return false
	default:
	}
	select {
	case <-stop:
		return false
	case slots <- struct{}{}:
		return true
	}
}

func (w *worker) handle(ctx context.Context, ep rpc.Endpoint, ch *amqp.Channel, d amqp.Delivery) {
	m := &rpc.Message{Function: d.Type, Body: d.Body, MessageID: d.MessageId, Redelivered: d.Redelivered, Received: time.Now()}
	if m.MessageID == "" && d.CorrelationId != "" {
		m.MessageID = d.ReplyTo + " " + d.CorrelationId // peers set no message id
	}
	if m.Function == "" {
		m.Function = ep.Function
	}
	m.Trace, _ = d.Headers[traceHeader].(string)
	m.Seal, _ = d.Headers[sealHeader].(string)
	// The expiration is the caller's deadline as a duration: clocks of two
	// machines need not agree.
	if ms, err := strconv.ParseInt(d.Expiration, 10, 64); err == nil && ms > 0 {
		m.Timeout = time.Duration(ms) * time.Millisecond
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, m.Timeout)
		defer cancel()
	}
	reply := ep.Handle(ctx, m)
	if d.ReplyTo != "" {
		p := amqp.Publishing{ContentType: "application/json", CorrelationId: d.CorrelationId, Body: reply.Body,
			Headers: headers(codeHeader, reply.Code, sealHeader, reply.Seal)}
		// Never mandatory: some brokers return every direct reply-to answer.
		if err := ch.PublishWithContext(context.WithoutCancel(ctx), "", d.ReplyTo, false, false, p); err != nil {
			w.t.log.Warn("the answer could not be sent; the call will come again", "fn", ep.Function, "correlation_id", d.CorrelationId, "err", err)
			return
		}
	}
	// Same channel, so the broker sees the answer before the acknowledgement.
	if err := d.Ack(false); err != nil {
		w.t.log.Warn("the call could not be acknowledged; it will come again", "fn", ep.Function, "correlation_id", d.CorrelationId, "err", err)
	}
}
