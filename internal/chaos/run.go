package chaos

import (
	"context"
)

// reuse is how many schedules a system sees before a fresh one takes its place.
const reuse = 20

// campaign is a Run under way.
type campaign struct {
	*crew
	report *Report
}

// Run plays as many schedules as asked for, some at once, and reports. Violated
// invariants are in the report; an error is one of the harness itself.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if err := opt.complete(ctx); err != nil {
		return nil, err
	}
	c := &campaign{crew: newCrew(opt, reuse), report: newReport(opt)}
	wall, err := c.play(ctx, c.one)
	c.report.Wall = wall
	c.report.conclude()
	return c.report, err
}

// one plays one run; spoilt tells that an invariant was violated, so that the
// system cannot be trusted any more, and its folder stays.
func (c *campaign) one(ctx context.Context, s *System, run int) (spoilt bool, err error) {
	t := newTrial(s, run+1, c.opt.schedule(run), c.opt.Bound)
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
