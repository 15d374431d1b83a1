package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// The variants of the rpc bench.
const (
	bareLoop      = "bare amqp091-go loop"
	bareConfirmed = "bare loop, mandatory and confirmed"
	ours          = "BaseService"
	oursUnchecked = "BaseService, schemas off"
	pikaKept      = "pika, a connection kept"
	pikaPerCall   = "pika, a connection for each call"
	nats          = "NATS, its service framework and its server"
)

// echoed is how large the echoed text is: the body of a request has 256 bytes.
const echoed = 256 - len(`{"user_id":""}`)

// The echo's functions. The first one has the schema of a real one.
var (
	echoChecked   = contract.Function[contract.UserIDRequest, contract.UserIDRequest]{Name: contract.GetUser.Name, Idempotent: true}
	echoUnchecked = contract.Function[contract.UserIDRequest, contract.UserIDRequest]{Name: "bench_echo", Idempotent: true}
)

func runRPC(ctx context.Context, e *Env) (Result, error) {
	r := Result{About: "Echo calls of 256 bytes, the caller and the one who serves on connections of their own: through BaseService and its client, " +
		"by a bare loop of the same AMQP library (a queue of the same kind, one goroutine that serves), and between two Python processes with pika."}
	for _, b := range e.Brokers {
		if err := e.rpcOn(ctx, b, &r); err != nil {
			return r, fmt.Errorf("on %s: %w", b.Name, err)
		}
	}
	if len(e.Brokers) < 2 {
		return r, nil
	}
	return r, e.brokersApart(ctx, &r)
}

// rpcOn measures all variants on one broker.
func (e *Env) rpcOn(ctx context.Context, b *Broker, r *Result) (err error) {
	p, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var variants []func(callers int) Variant
	body := []byte(`{"user_id":"` + strings.Repeat("x", echoed) + `"}`)
	for _, name := range []string{bareLoop, bareConfirmed} {
		loop, err := newBare(p.url(), strings.ReplaceAll(name, " ", "_"), slices.Max(e.Callers), name == bareConfirmed)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, loop.close()) }()
		variants = append(variants, func(callers int) Variant {
			return Variant{Name: name, Measure: func(ctx context.Context) (Round, error) {
				return drive(ctx, callers, e.Time, func(ctx context.Context, i int) error { return loop.call(ctx, i, body) })
			}}
		})
	}
	stop, err := serveEcho(ctx, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	t, end, err := p.transport(ctx, "caller")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	variants = append(variants,
		func(callers int) Variant { return e.echoes(ours, echoChecked, t, callers) },
		func(callers int) Variant { return e.echoes(oursUnchecked, echoUnchecked, t, callers) })
	peer, err := e.startPika(ctx, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.close()) }()
	if e.NATS != "" && b.amqp == nil { // another broker, and as here all in one process
		peer, err := startPeer("the NATS peer", exec.CommandContext(ctx, e.NATS))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, peer.close()) }()
		variants = append(variants, func(callers int) Variant {
			return Variant{Name: nats, Measure: func(context.Context) (Round, error) { return peer.measure("", callers, e.Time) }}
		})
	}
	variants = append(variants,
		func(callers int) Variant { return e.pika(pikaKept, peer, "kept", callers) },
		func(callers int) Variant { return e.pika(pikaPerCall, peer, "per-call", callers) })
	for _, callers := range e.Callers {
		var now []Variant
		for _, v := range variants {
			now = append(now, v(callers))
		}
		g, err := e.interleave(ctx, b.Name+", "+times(callers, "caller"), now...)
		if err != nil {
			return err
		}
		r.Groups = append(r.Groups, g)
		r.Goals = append(r.Goals, rpcGoals(g, callers)...)
	}
	return nil
}

// echoes calls the echo by the client.
func (e *Env) echoes(name string, fn contract.Function[contract.UserIDRequest, contract.UserIDRequest], t *amqpx.Transport, callers int) Variant {
	req := contract.UserIDRequest{UserID: strings.Repeat("x", echoed)}
	return Variant{Name: name, Measure: func(ctx context.Context) (Round, error) {
		return drive(ctx, callers, e.Time, func(ctx context.Context, _ int) error {
			resp, err := rpc.Call(ctx, t, fn, req)
			if err == nil && resp != req {
				err = fmt.Errorf("the echo is %q", resp.UserID)
			}
			return err
		})
	}}
}

// rpcGoals are the goals at some number of callers.
func rpcGoals(g Group, callers int) (goals []Goal) {
	switch callers {
	case 1:
		goals = append(goals, g.ratio(g.Name+": rate / bare loop", 0.9, rate, ours, bareLoop), g.ratio(g.Name+": rate / pika that connects for each call", 50, rate, ours, pikaPerCall))
	case 64:
		goals = append(goals, g.ratio(g.Name+": rate / bare loop", 0.85, rate, ours, bareLoop), g.ratio(g.Name+": rate / pika that connects for each call", 200, rate, ours, pikaPerCall))
	}
	return goals
}

// serveEcho serves the echo until stop is called.
func serveEcho(ctx context.Context, p *place) (stop func() error, err error) {
	t, end, err := p.transport(ctx, "service")
	if err != nil {
		return nil, err
	}
	schemas, err := contract.CompileSchemas()
	if err != nil {
		return nil, errors.Join(err, end())
	}
	svc, err := baseservice.New(baseservice.Options{Name: "bench", Transport: t, Schemas: schemas})
	if err != nil {
		return nil, errors.Join(err, end())
	}
	echo := func(_ context.Context, req contract.UserIDRequest) (contract.UserIDRequest, error) { return req, nil }
	baseservice.Handle(svc, echoChecked, echo, baseservice.Concurrency(32))
	baseservice.Handle(svc, echoUnchecked, echo, baseservice.Concurrency(32), baseservice.Unchecked())
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	stop = func() error { cancel(); return errors.Join(<-ended, end()) }
	select {
	case <-svc.Started():
		return stop, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), stop())
	}
}

// brokersApart measures the bare loop on all brokers in turns.
func (e *Env) brokersApart(ctx context.Context, r *Result) (err error) {
	body := []byte(`{"user_id":"` + strings.Repeat("x", echoed) + `"}`)
	loops := map[string]*bare{}
	for _, b := range e.Brokers {
		p, err := b.open(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		loop, err := newBare(p.url(), "bare", slices.Max(e.Callers), false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, loop.close()) }()
		loops[b.Name] = loop
	}
	for _, callers := range e.Callers {
		var variants []Variant
		for _, b := range e.Brokers {
			variants = append(variants, Variant{Name: b.Name, Measure: func(ctx context.Context) (Round, error) {
				return drive(ctx, callers, e.Time, func(ctx context.Context, i int) error { return loops[b.Name].call(ctx, i, body) })
			}})
		}
		g, err := e.interleave(ctx, "bare loop on each broker, "+times(callers, "caller"), variants...)
		if err != nil {
			return err
		}
		r.Groups = append(r.Groups, g)
	}
	return nil
}
