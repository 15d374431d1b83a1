package chaos

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// crew plays the runs of a campaign, each on one of its systems.
type crew struct {
	opt   Options
	reuse int // how many runs a system sees before a fresh one takes its place
	scan  *Scanner

	mu   sync.Mutex // also guards what the campaign reports
	next int        // the next run, from 0
}

func newCrew(opt Options, reuse int) *crew {
	return &crew{opt: opt, reuse: reuse, scan: NewScanner()}
}

// player plays the run of a number, from 0; spoilt tells that the system cannot be
// trusted any more, and its folder stays.
type player func(ctx context.Context, s *System, run int) (spoilt bool, err error)

// play plays all runs, as many systems at once as asked for, and tells how long it
// took.
func (c *crew) play(ctx context.Context, one player) (wall Span, err error) {
	began := time.Now()
	scanning, stop := context.WithCancel(ctx)
	defer stop()
	var scanner errgroup.Group
	scanner.Go(func() error { return c.scan.Run(scanning) })
	g, gctx := errgroup.WithContext(ctx)
	for range min(c.opt.Parallel, c.opt.Runs) {
		g.Go(func() error { return c.work(gctx, one) })
	}
	err = g.Wait()
	stop()
	err = errors.Join(err, scanner.Wait())
	return Span(time.Since(began).Round(time.Millisecond)), err
}

// take gives the number of the next run; false: there is none.
func (c *crew) take() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next >= c.opt.Runs {
		return 0, false
	}
	c.next++
	return c.next - 1, true
}

// work plays runs on one system after another until there are no more.
func (c *crew) work(ctx context.Context, one player) error {
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
		for n := 0; more && n < c.reuse && !keep; n++ {
			if keep, err = one(ctx, s, run); err != nil {
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
