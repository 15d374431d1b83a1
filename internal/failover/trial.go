package failover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// settle bounds what all may take to be well again.
	settle = 90 * time.Second
	// brokenTime bounds how long a node is left broken for calls to become good.
	brokenTime = 20 * time.Second
	// warm is how long calls are made before the fault, and after all is well.
	warm = time.Second
)

// Options of a trial. Cluster and Fault are required.
type Options struct {
	Cluster *Cluster
	Fault   string // one of Faults
	Classic bool   // durable queues of the classic type
	Compat  bool   // queues as peers in Python declare them
	Callers int    // calls at once; 8 if zero
	Logger  *slog.Logger
}

// Result is what a trial found.
type Result struct {
	Fault  string `json:"fault"`
	Queues string `json:"queues"` // quorum, classic or compat
	// FirstGood is the time from when the node was seen to be broken, or of an alarm
	// to be calm, to the end of the first call that began after that and was good. Gap
	// is the longest time in which no call ended well, of the whole trial.
	FirstGood float64 `json:"first_good_s"`
	Gap       float64 `json:"longest_gap_s"`
	// UntilMended tells that calls or events were refused until the node was mended,
	// and FirstGood counts from then. RabbitMQ 3.10.8 sometimes does not note in a
	// quorum queue's record that another node leads it, and refuses the first message
	// of every new channel while the node of the record is away.
	UntilMended bool `json:"until_mended"`
	Counts
}

// Violations says what must not be and was. Events on a transient queue may end with
// its node.
func (r Result) Violations() error {
	var errs []error
	if r.Queues == "compat" {
		r.EventsLost = 0
	}
	for what, n := range map[string]int{
		"calls were answered well and had no effect": r.Lost, "calls took effect more than once": r.Twice,
		"events were confirmed and are lost":                    r.EventsLost,
		"calls took effect whose error said they were not sent": r.Denied,
	} {
		if n > 0 {
			errs = append(errs, fmt.Errorf("%s of a node, %s queues: %d %s", r.Fault, r.Queues, n, what))
		}
	}
	return errors.Join(errs...)
}

// trial is a service, callers and publishers over a cluster.
type trial struct {
	opt     Options
	ledger  *ledger
	schemas *contract.Schemas
	serves  *amqpx.Transport
	calls   *amqpx.Transport
	tells   *amqpx.Transport
}

// Run plays one fault; the error is for what could not be played.
func Run(ctx context.Context, opt Options) (r Result, err error) {
	f, err := faultOf(opt.Fault)
	if err != nil {
		return r, err
	}
	if opt.Callers == 0 {
		opt.Callers = 8
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	t := &trial{opt: opt, ledger: newLedger()}
	if t.schemas, err = contract.CompileSchemas(); err != nil {
		return r, err
	}
	if err := t.clear(); err != nil {
		return r, err
	}
	for at, name := range map[**amqpx.Transport]string{&t.serves: "service", &t.calls: "callers", &t.tells: "publishers"} {
		if *at, err = amqpx.New(t.transport(name)); err != nil {
			return r, err
		}
	}
	r.Fault, r.Queues = opt.Fault, t.queues()
	err = t.play(ctx, f, &r)
	r.Gap, r.Counts = t.ledger.gap().Seconds(), t.ledger.counts()
	return r, err
}

func (t *trial) transport(name string) amqpx.Options {
	return amqpx.Options{Nodes: t.opt.Cluster.Addrs, Name: "failover/" + name, Compat: t.opt.Compat, Quorum: !t.opt.Classic,
		Logger: t.opt.Logger.With("part", name)}
}

func (t *trial) queues() string {
	switch {
	case t.opt.Compat:
		return "compat"
	case t.opt.Classic:
		return "classic"
	}
	return "quorum"
}

// clear deletes the queues of an earlier trial.
func (t *trial) clear() error {
	conn, err := amqp.Dial("amqp://guest:guest@" + t.opt.Cluster.Addrs[0])
	if err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	for _, queue := range []string{contract.EventsQueue, contract.StopServerTask.Name} {
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			return fmt.Errorf("delete the queue %s: %w", queue, err)
		}
	}
	return nil
}

// play runs all parts, the fault, and waits until all is well.
func (t *trial) play(ctx context.Context, f fault, r *Result) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	service, err := t.service()
	if err != nil {
		return err
	}
	parts, partsCtx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{t.serves.Run, t.calls.Run, t.tells.Run, service.Run} {
		parts.Go(func() error { return run(partsCtx) })
	}
	parts.Go(func() error {
		defer cancel()
		select {
		case <-service.Started():
		case <-partsCtx.Done():
			return partsCtx.Err()
		}
		loadCtx, stopLoad := context.WithCancel(partsCtx)
		defer stopLoad()
		load, _ := errgroup.WithContext(loadCtx)
		for i := range t.opt.Callers {
			load.Go(func() error { t.call(loadCtx, i); return nil })
		}
		load.Go(func() error { t.publish(loadCtx); return nil })
		err := t.breakAndMend(partsCtx, f, r)
		stopLoad()
		return errors.Join(err, load.Wait(), t.drain(partsCtx))
	})
	if err := parts.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// breakAndMend breaks the node that the service is on.
func (t *trial) breakAndMend(ctx context.Context, f fault, r *Result) error {
	if err := t.well(ctx, time.Now(), settle); err != nil {
		return fmt.Errorf("before the fault: %w", err)
	}
	if err := pause(ctx, warm); err != nil {
		return err
	}
	addr := t.serves.Node("serve")
	t.opt.Logger.Info("a fault", "fault", f.name, "node", t.opt.Cluster.name(addr))
	if err := t.opt.Cluster.act(ctx, f.breaks, addr); err != nil {
		return err
	}
	broken := time.Now()
	if f.whileBroken {
		if err := t.well(ctx, broken, brokenTime); err == nil {
			first, _ := t.ledger.firstGood(broken)
			r.FirstGood = first.Sub(broken).Seconds()
		} else if ctx.Err() != nil {
			return err
		} else {
			r.UntilMended = true
			t.opt.Logger.Warn("not all is good while a node is broken", "err", err)
		}
	}
	if err := pause(ctx, f.holds-time.Since(broken)); err != nil {
		return err
	}
	if err := t.opt.Cluster.act(ctx, f.mends, addr); err != nil {
		return err
	}
	mended := time.Now()
	if err := t.well(ctx, mended, settle); err != nil {
		return fmt.Errorf("when node %s is mended: %w", t.opt.Cluster.name(addr), err)
	}
	if !f.whileBroken || r.UntilMended {
		first, _ := t.ledger.firstGood(mended)
		r.FirstGood = first.Sub(mended).Seconds()
	}
	return pause(ctx, warm)
}

// well waits for a good call, and for events that the broker took, that began after
// a moment.
func (t *trial) well(ctx context.Context, after time.Time, within time.Duration) error {
	for end := time.Now().Add(within); ; {
		if _, ok := t.ledger.firstGood(after); ok && t.ledger.tookSince(after) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("no call was good within %s, or no event was taken", within)
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// service is one whose every effect is counted.
func (t *trial) service() (*baseservice.Service, error) {
	s, err := baseservice.New(baseservice.Options{Name: "failover", Transport: t.serves, Schemas: t.schemas, Logger: t.opt.Logger})
	if err != nil {
		return nil, err
	}
	baseservice.Handle(s, contract.StopServerTask, func(_ context.Context, r contract.TaskIDRequest) (contract.None, error) {
		t.ledger.effect(r.TaskID)
		return contract.None{}, nil
	})
	return s, nil
}

// call makes calls one after another.
func (t *trial) call(ctx context.Context, caller int) {
	for i := 0; ctx.Err() == nil; i++ {
		c := call{id: fmt.Sprintf("%d-%d", caller, i), began: time.Now()}
		callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		_, c.err = rpc.Call(callCtx, t.calls, contract.StopServerTask, contract.TaskIDRequest{TaskID: c.id})
		cancel()
		c.end = time.Now()
		t.ledger.ended(c)
		_ = pause(ctx, 2*time.Millisecond)
	}
}

// publish puts events on the queue in batches; one whose fate is unknown comes again,
// as the outbox has it.
func (t *trial) publish(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		var ids []string
		var bodies [][]byte
		for j := range 20 {
			id := fmt.Sprintf("%d-%d", i, j)
			body, err := json.Marshal(contract.Event{Event: id})
			if err != nil {
				return // cannot be: a text
			}
			ids, bodies = append(ids, id), append(bodies, body)
		}
		for ctx.Err() == nil {
			sent := time.Now()
			publishCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
			err := t.tells.Publish(publishCtx, contract.EventsQueue, bodies...)
			cancel()
			if err == nil {
				t.ledger.took(ids, sent)
				break
			}
			_ = pause(ctx, 50*time.Millisecond)
		}
		_ = pause(ctx, 20*time.Millisecond)
	}
}

// drain reads the events until all that were confirmed are there.
func (t *trial) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	quiet := time.AfterFunc(settle, cancel)
	defer quiet.Stop()
	return t.tells.Subscribe(ctx, contract.EventsQueue, func(body []byte) error {
		var e contract.Event
		if err := json.Unmarshal(body, &e); err != nil {
			return err
		}
		t.ledger.found(e.Event)
		if t.ledger.missing() == 0 {
			quiet.Reset(time.Second) // what comes again may follow
		}
		return nil
	})
}
