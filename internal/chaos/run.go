package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// The kinds of brokers under test.
const (
	Embedded = "embedded"
	RabbitMQ = "rabbitmq"
)

// Options of [Run] and [Faults].
type Options struct {
	Binary   string // the command agata
	Python   string // interpreter of tasks
	Dir      string // folder for all state; what violated an invariant stays there
	Seed     uint64 // of the first run; each next one has the next
	Runs     int
	Parallel int    // systems at once; 1 if zero
	Broker   string // Embedded or RabbitMQ
	Nodes    []Node // of RabbitMQ
	// Bound is how long all may take to be right after the last fault; 20 s if zero.
	Bound time.Duration
	// Settings are put over those of every service, section.key to value.
	Settings map[string]string
	// Each is told of every run that ended; nil: nobody is.
	Each   func(done int, violations []Violation)
	Logger *slog.Logger
}

// reuse is how many schedules a system sees before a fresh one takes its place.
const reuse = 20

func (o *Options) complete(ctx context.Context) (err error) {
	if o.Parallel == 0 {
		o.Parallel = 1
	}
	if o.Bound == 0 {
		o.Bound = 20 * time.Second
	}
	if o.Broker == "" {
		o.Broker = Embedded
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Binary == "" || o.Dir == "":
		return errors.New("chaos: the command and the folder are required")
	case o.Runs < 1 || o.Parallel < 1:
		return errors.New("chaos: give at least one run, and one system")
	case o.Broker != Embedded && o.Broker != RabbitMQ:
		return fmt.Errorf("chaos: there is no broker %q; there are %s and %s", o.Broker, Embedded, RabbitMQ)
	case o.Broker == RabbitMQ && len(o.Nodes) == 0:
		return errors.New("chaos: name a RabbitMQ node, as amqp-port,management-port")
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	if o.Python, err = interpreter(ctx, o.Python); err != nil {
		return err
	}
	return os.MkdirAll(o.Dir, 0o700)
}

// campaign is a Run under way.
type campaign struct {
	opt  Options
	scan *Scanner

	mu     sync.Mutex
	next   int // the next run, from 0
	report *Report
}

// Run plays as many schedules as asked for, some at once, and reports. Violated
// invariants are in the report; an error is one of the harness itself.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if err := opt.complete(ctx); err != nil {
		return nil, err
	}
	c := &campaign{opt: opt, scan: NewScanner(), report: newReport(opt)}
	began := time.Now()
	scanning, stop := context.WithCancel(ctx)
	defer stop()
	var scanner errgroup.Group
	scanner.Go(func() error { return c.scan.Run(scanning) })
	g, gctx := errgroup.WithContext(ctx)
	for range min(opt.Parallel, opt.Runs) {
		g.Go(func() error { return c.work(gctx) })
	}
	err := g.Wait()
	stop()
	err = errors.Join(err, scanner.Wait())
	c.report.Wall = Span(time.Since(began).Round(time.Millisecond))
	c.report.conclude()
	return c.report, err
}

// take gives the number of the next run; false: there is none.
func (c *campaign) take() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next >= c.opt.Runs {
		return 0, false
	}
	c.next++
	return c.next - 1, true
}

// work plays runs on one system after another until there are no more.
func (c *campaign) work(ctx context.Context) error {
	run, more := c.take()
	for more {
		dir, err := os.MkdirTemp(c.opt.Dir, "system-")
		if err != nil {
			return err
		}
		s, err := newSystem(ctx, c.opt, dir, c.scan)
		if err != nil {
			return errors.Join(err, s.close(ctx))
		}
		keep := false
		for n := 0; more && n < reuse && !keep; n++ {
			if keep, err = c.one(ctx, s, run); err != nil {
				return errors.Join(err, s.close(ctx))
			}
			run, more = c.take()
		}
		if err := s.close(ctx); err != nil {
			return err
		}
		if !keep {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// one plays one run; spoilt tells that an invariant was violated, so that the
// system cannot be trusted any more, and its folder stays.
func (c *campaign) one(ctx context.Context, s *System, run int) (spoilt bool, err error) {
	seed := c.opt.Seed + uint64(run)
	t := newTrial(s, run+1, NewSchedule(seed), c.opt.Bound)
	if err := t.run(ctx); err != nil {
		return false, err
	}
	for i := range t.violations {
		v := &t.violations[i]
		v.Run, v.Folder, v.Schedule, v.State = run+1, s.dir, t.schedule.text(), t.ending
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.add(t)
	if c.opt.Each != nil {
		c.opt.Each(c.report.Runs, t.violations)
	}
	return len(t.violations) > 0, nil
}
