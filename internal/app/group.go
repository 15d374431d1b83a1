package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// stopTime bounds how long each module may take to stop.
const stopTime = 30 * time.Second

// module is a part that runs: a broker, a transport, a service.
type module struct {
	name    string
	run     func(context.Context) error
	started <-chan struct{}
}

// group runs modules, each started when the ones before it are up, and stops
// them in reverse.
type group struct {
	log    *slog.Logger
	failed chan error // the first module that ended by itself

	mu      sync.Mutex
	running []*running
}

type running struct {
	module
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed
}

func newGroup(log *slog.Logger) *group {
	return &group{log: log, failed: make(chan error, 1)}
}

// start runs a module and waits until it is up, or until ctx ends. A module
// waits for its broker as long as it takes.
func (g *group) start(ctx context.Context, m module) error {
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{module: m, cancel: cancel, done: make(chan struct{})}
	g.mu.Lock()
	g.running = append(g.running, r)
	g.mu.Unlock()
	go func() {
		defer close(r.done)
		r.err = m.run(runCtx)
		if runCtx.Err() == nil {
			g.fail(m.name, r.err)
		}
	}()
	select {
	case <-m.started:
		return nil
	case <-r.done:
		return fmt.Errorf("%s ended while it started: %w", m.name, orEnded(r.err))
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errEnded = errors.New("it ended by itself")

func orEnded(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}

func (g *group) fail(name string, err error) {
	select {
	case g.failed <- fmt.Errorf("%s: %w", name, orEnded(err)):
	default:
	}
}

// stop ends the modules, the youngest first, each within its bound.
func (g *group) stop() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var errs []error
	for i := len(g.running) - 1; i >= 0; i-- {
		r := g.running[i]
		began := time.Now()
		r.cancel()
		select {
		case <-r.done:
			if r.err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", r.name, r.err))
			}
			g.log.Debug("stopped", "module", r.name, "took", time.Since(began))
		case <-time.After(stopTime):
			errs = append(errs, fmt.Errorf("stop %s: it did not end within %s", r.name, stopTime))
		}
	}
	g.running = nil
	return errors.Join(errs...)
}
