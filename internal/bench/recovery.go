package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// The figures of the recovery bench.
const (
	firstGood = "first good call"
	silence   = "longest without a good answer"
	lostAcked = "acknowledged effects lost"
	twice     = "effects twice"
	hung      = "calls hung"
)

// recovering is how many call while the connections are closed, and callTime the
// deadline of each call.
const (
	recovering = 16
	callTime   = 5 * time.Second
)

func runRecovery(ctx context.Context, e *Env) (Result, error) {
	r := Result{About: fmt.Sprintf("While %d callers create tasks, one call after the other, the broker closes all its connections: the callers' and those of the cloud's services, "+
		"which are another process. Time runs from the first connection's end to the first good answer to a call that began after the last one's. "+
		"Afterwards every task whose creation was acknowledged is looked for. A creation is not idempotent: what was sent is not repeated by the caller, so that its outcome may be unknown.", recovering)}
	var variants []Variant
	for _, b := range e.Brokers {
		s, err := e.newSystem(ctx, b)
		defer func() { err = errors.Join(err, s.close()) }()
		if err == nil {
			err = s.serveCloud(ctx)
		}
		if err != nil {
			return r, fmt.Errorf("on %s: %w", b.Name, err)
		}
		variants = append(variants, Variant{Name: b.Name, Measure: s.recover})
	}
	g, err := e.interleave(ctx, "all connections closed", variants...)
	if err != nil {
		return r, err
	}
	r.Groups = append(r.Groups, g)
	for _, b := range e.Brokers {
		r.Goals = append(r.Goals,
			g.worst(b.Name+": the first good call", 1000, b.Name, firstGood), g.worst(b.Name+": acknowledged effects lost", 0, b.Name, lostAcked),
			g.worst(b.Name+": effects twice", 0, b.Name, twice), g.worst(b.Name+": calls hung", 0, b.Name, hung))
	}
	return r, nil
}

// worst is a bound on every round of a figure.
func (g Group) worst(what string, most float64, variant, figure string) Goal {
	goal := g.bound(what+", in every round", most, true, variant, figure)
	goal.Got = goal.High
	return goal.judged()
}

// made is one call of the load.
type made struct {
	id           string
	began, ended time.Time
	err          error
}

// recover is one round.
func (s *system) recover(ctx context.Context) (Round, error) {
	s.tasks++
	l := &creations{s: s, prefix: fmt.Sprintf("r%d", s.tasks)}
	stop := l.begin(ctx)
	defer stop()
	time.Sleep(time.Second)
	closing, err := s.cloud.connections(ctx)
	if err != nil {
		return Round{}, err
	}
	before := l.count()
	began := time.Now()
	if err := closing(ctx); err != nil {
		return Round{}, err
	}
	closed := time.Now()
	err = s.until(ctx, 30*time.Second, "a good call after the connections were closed", func() bool { _, ok := l.goodAfter(closed); return ok })
	if err != nil {
		return Round{}, err
	}
	time.Sleep(time.Second) // what was under way is over
	calls, left := stop()
	first, _ := l.goodAfter(closed)
	if before == 0 {
		return Round{}, errors.New("no call was made before the connections were closed")
	}
	lost, again, acked, unknown, err := s.account(ctx, calls)
	if err != nil {
		return Round{}, err
	}
	if unknown == 0 && longest(calls) < 20*time.Millisecond {
		return Round{}, errors.New("no caller noticed that the connections were closed")
	}
	return Round{Values: []Value{
		{Name: firstGood, Unit: "ms", Value: milliseconds(first.Sub(began))},
		{Name: silence, Unit: "ms", Value: milliseconds(longest(calls))},
		{Name: lostAcked, Unit: "calls", Value: float64(lost)},
		{Name: twice, Unit: "calls", Value: float64(again)},
		{Name: hung, Unit: "calls", Value: float64(left)},
		{Name: "outcome unknown to the caller", Unit: "calls", Value: float64(unknown)},
		{Name: "acknowledged", Unit: "calls", Value: float64(acked), More: true},
	}}, nil
}

// account looks for the effects of calls: a creation that was acknowledged and is
// not there is lost; one that says that the task is there already was carried out
// twice, since no two calls name the same task.
func (s *system) account(ctx context.Context, calls []made) (lost, again, acked, unknown int, err error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for _, c := range calls {
		switch rpc.CodeOf(c.err) {
		case "":
		case rpc.Conflict:
			again++
			continue
		case rpc.Unavailable, rpc.Deadline:
			unknown++
			continue
		default:
			return 0, 0, 0, 0, fmt.Errorf("create task %s: %w", c.id, c.err)
		}
		acked++
		g.Go(func() error {
			_, err := ask(ctx, s.operator, contract.GetTask, contract.TaskIDRequest{TaskID: c.id})
			if rpc.CodeOf(err) == rpc.NotFound {
				mu.Lock()
				defer mu.Unlock()
				lost++
				return nil
			}
			return err
		})
	}
	return lost, again, acked, unknown, g.Wait()
}

// longest is the longest time between two good answers.
func longest(calls []made) (most time.Duration) {
	var last time.Time
	for _, c := range calls { // in the order of their ends
		if c.err != nil {
			continue
		}
		if !last.IsZero() {
			most = max(most, c.ended.Sub(last))
		}
		last = c.ended
	}
	return most
}

// connections waits until the broker knows its connections, and gives what closes
// them all.
func (p *place) connections(ctx context.Context) (closing func(context.Context) error, err error) {
	if p.server != nil {
		return func(context.Context) error { p.server.CloseConnections(); return nil }, nil
	}
	type connection struct {
		Name string `json:"name"`
	}
	var known []connection
	for quiet := 0; quiet < 3; { // RabbitMQ's list runs seconds behind
		var now []connection
		if err := p.broker.manage(ctx, http.MethodGet, "/vhosts/"+p.vhost+"/connections", nil, &now); err != nil {
			return nil, err
		}
		if quiet++; len(now) != len(known) || len(now) < 4 {
			quiet = 0
		}
		known = now
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return func(ctx context.Context) error {
		g, ctx := errgroup.WithContext(ctx)
		for _, c := range known {
			g.Go(func() error {
				return p.broker.manage(ctx, http.MethodDelete, "/connections/"+url.PathEscape(c.Name), nil, nil)
			})
		}
		return g.Wait()
	}, nil
}
