package bench

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// The times of the start and failover benches.
const (
	startToSpawn   = "task start to the client's process"
	startToLine    = "task start to the program's first line"
	stopToEnd      = "task stop to the process's end"
	errorToSpawn   = "`Error!` to the next task's process"
	errorToLine    = "`Error!` to the next program's first line"
	operatorsStart = "a start and a stop, with push"
	oneFails       = "one fails, one waits"
)

func runStart(ctx context.Context, e *Env) (Result, error) {
	r := Result{About: "An operator's call starts a task; the cloud starts its server's side and wakes the client, which asks, fetches, and starts its own. " +
		"The client asks by itself only once a minute. Then the operator stops the task. The cloud's services are one process, the client's another."}
	return r, e.onSystems(ctx, &r, operatorsStart, e.oneStart, func(g Group, broker string) []Goal {
		return []Goal{
			g.within(broker+": start to the client's process, p50", 50, broker, startToSpawn, p50),
			g.within(broker+": start to the client's process, p99", 150, broker, startToSpawn, p99),
		}
	})
}

func runFailover(ctx context.Context, e *Env) (Result, error) {
	r := Result{About: "A client runs one task while another one waits for its place. The first reports an error (time begins when it has made up its mind, before it notes that in a file and writes the line); " +
		"the client ends it, asks the cloud again, and starts the other."}
	return r, e.onSystems(ctx, &r, oneFails, e.oneFailover, func(g Group, broker string) []Goal {
		return []Goal{g.within(broker+": error to the next task's process, p99", 100, broker, errorToSpawn, p99)}
	})
}

// onSystems measures something on a system on each broker, these in turns, e.Count
// times a round.
func (e *Env) onSystems(ctx context.Context, r *Result, group string, one func(context.Context, *system) ([]Timing, error), goals func(g Group, broker string) []Goal) (err error) {
	var variants []Variant
	for _, b := range e.Brokers {
		s, err := e.newSystem(ctx, b)
		defer func() { err = errors.Join(err, s.close()) }()
		if err == nil {
			err = s.serveCloud(ctx)
		}
		if err == nil {
			err = s.serveClient(ctx)
		}
		if err != nil {
			return fmt.Errorf("on %s: %w", b.Name, err)
		}
		variants = append(variants, Variant{Name: b.Name, Measure: func(ctx context.Context) (round Round, err error) {
			for range e.Count {
				times, err := one(ctx, s)
				if err != nil {
					return round, err
				}
				round.Times = append(round.Times, times...)
			}
			return round, nil
		}})
	}
	g, err := e.interleave(ctx, group, variants...)
	if err != nil {
		return err
	}
	r.Groups = append(r.Groups, g)
	for _, b := range e.Brokers {
		r.Goals = append(r.Goals, goals(g, b.Name)...)
	}
	return nil
}

// oneStart starts a task and stops it.
func (e *Env) oneStart(ctx context.Context, s *system) ([]Timing, error) {
	id, err := s.create(ctx, waits)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.startTask(ctx, id); err != nil {
		return nil, err
	}
	n, err := s.noted(ctx, id, "start", patience)
	if err != nil {
		return nil, err
	}
	execution, err := s.execution(ctx, id, patience)
	if err != nil {
		return nil, err
	}
	stopped := time.Now()
	if err := s.stopTask(ctx, id); err != nil {
		return nil, err
	}
	if err := s.until(ctx, patience, "the client's process ends", func() bool { return !alive(n.pid) }); err != nil {
		return nil, err
	}
	ended := time.Now()
	return []Timing{
		{startToSpawn, []time.Duration{moment(execution.Started).Sub(began)}},
		{startToLine, []time.Duration{n.at.Sub(began)}},
		{stopToEnd, []time.Duration{ended.Sub(stopped)}},
	}, s.idle(ctx)
}

// idle waits until the client runs nothing.
func (s *system) idle(ctx context.Context) error {
	return s.until(ctx, patience, "the client is done", func() bool {
		time.Sleep(5 * time.Millisecond) // each look is a call
		state, err := s.state(ctx)
		return err == nil && len(state.Running) == 0
	})
}

// oneFailover lets a task fail while another one waits.
func (e *Env) oneFailover(ctx context.Context, s *system) ([]Timing, error) {
	bad, err := s.create(ctx, fails)
	if err != nil {
		return nil, err
	}
	next, err := s.create(ctx, waits)
	if err != nil {
		return nil, err
	}
	if err := s.startTask(ctx, bad); err != nil {
		return nil, err
	}
	first, err := s.noted(ctx, bad, "start", patience)
	if err != nil {
		return nil, err
	}
	if err := s.startTask(ctx, next); err != nil {
		return nil, err
	}
	time.Sleep(200 * time.Millisecond) // what the start of the other one led to is over
	if err := syscall.Kill(first.pid, syscall.SIGUSR1); err != nil {
		return nil, fmt.Errorf("let task %s fail: %w", bad, err)
	}
	failed, err := s.noted(ctx, bad, "error", patience)
	if err != nil {
		return nil, err
	}
	second, err := s.noted(ctx, next, "start", patience)
	if err != nil {
		return nil, err
	}
	execution, err := s.execution(ctx, next, patience)
	if err != nil {
		return nil, err
	}
	for _, id := range []string{next, bad} {
		if err := s.stopTask(ctx, id); err != nil {
			return nil, err
		}
	}
	return []Timing{
		{errorToSpawn, []time.Duration{moment(execution.Started).Sub(failed.at)}},
		{errorToLine, []time.Duration{second.at.Sub(failed.at)}},
	}, s.idle(ctx)
}
