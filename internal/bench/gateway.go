package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/agata-fl/agata/pkg/contract"
)

// The variants of the gateway bench.
const (
	overHTTP    = "HTTP, gateway, service, SQLite and back"
	writeOver   = "the same, writing"
	servicesCPU = "processor time of the services a call"
)

func runGateway(ctx context.Context, e *Env) (Result, error) {
	r := Result{About: "POST rpc_exec_get_user_info over connections that are kept: HTTP to the gateway, a call over the broker to the user manager, which reads SQLite, and back. " +
		"The cloud's services are one process; the callers write and read HTTP with as little as it takes, in another. Writing is rpc_exec_update_user_info. Beside it the bare AMQP loop on the same broker."}
	for _, b := range e.Brokers {
		if err := e.gatewayOn(ctx, b, &r); err != nil {
			return r, fmt.Errorf("on %s: %w", b.Name, err)
		}
	}
	return r, nil
}

func (e *Env) gatewayOn(ctx context.Context, b *Broker, r *Result) (err error) {
	s, err := e.newSystem(ctx, b)
	defer func() { err = errors.Join(err, s.close()) }()
	if err == nil {
		err = s.serveCloud(ctx)
	}
	if err != nil {
		return err
	}
	most := slices.Max(e.Callers)
	loop, err := newBare(s.cloud.url(), "bare", most, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loop.close()) }()
	gateway, err := url.Parse(s.services.at("gateway"))
	if err != nil {
		return err
	}
	update := fmt.Sprintf(`{"user_id":"ada","data_qnt":60,"avg_acc_contrib":0.5,"sensors":["camera","ecu"]%s}`, strings.Repeat(" ", 128))
	read, err := newPosts(gateway.Host, most, contract.GetUser.Name, `{"user_id":"ada"}`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, read.close()) }()
	write, err := newPosts(gateway.Host, most, contract.UpdateUser.Name, update)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, write.close()) }()
	if err := write.post(0); err != nil { // the client that is asked for
		return err
	}
	body := []byte(update)
	for _, callers := range e.Callers {
		g, err := e.interleave(ctx, b.Name+", "+times(callers, "caller"),
			Variant{Name: bareLoop, Measure: func(ctx context.Context) (Round, error) {
				return drive(ctx, callers, e.Time, func(ctx context.Context, i int) error { return loop.call(ctx, i, body) })
			}},
			Variant{Name: overHTTP, Measure: func(ctx context.Context) (Round, error) { return e.posted(ctx, s, read, callers) }},
			Variant{Name: writeOver, Measure: func(ctx context.Context) (Round, error) { return e.posted(ctx, s, write, callers) }},
		)
		if err != nil {
			return err
		}
		r.Groups = append(r.Groups, g)
		switch callers {
		case 1:
			r.Goals = append(r.Goals, g.beyond(g.Name+": p50 beyond the bare loop's", 0.3, figureP50, overHTTP, bareLoop))
		case 64:
			r.Goals = append(r.Goals, g.bound(g.Name+": calls a second", 5000, false, overHTTP, rate))
		}
	}
	return nil
}

// posted drives calls over HTTP, and tells what the services took for each.
func (e *Env) posted(ctx context.Context, s *system, p *posts, callers int) (Round, error) {
	before, err := s.services.processorTime()
	if err != nil {
		return Round{}, err
	}
	calls := p.done.Load()
	r, err := drive(ctx, callers, e.Time, func(_ context.Context, i int) error { return p.post(i) })
	if err != nil {
		return r, err
	}
	after, err := s.services.processorTime()
	each := (after - before).Seconds() * 1e6 / float64(p.done.Load()-calls)
	r.Values = append(r.Values, Value{Name: servicesCPU, Unit: "µs", Value: each})
	return r, err
}

// beyond is a goal for how much more a figure of one variant is than another's.
func (g Group) beyond(what string, most float64, figure, of, than string) Goal {
	goal := Goal{What: what, Bound: most, Most: true}
	a, foundA := g.figure(of, figure)
	b, foundB := g.figure(than, figure)
	if !foundA || !foundB {
		goal.Missing = "not measured"
		return goal
	}
	goal.Unit, goal.Got = a.Unit, rounded(a.Median-b.Median)
	var each []float64
	for i := range min(len(a.Rounds), len(b.Rounds)) {
		each = append(each, rounded(a.Rounds[i]-b.Rounds[i]))
	}
	goal.Low, goal.High = slices.Min(each), slices.Max(each)
	return goal.judged()
}
