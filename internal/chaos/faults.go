package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"time"
)

// faultReuse is how many faults a system sees before a fresh one takes its place.
const faultReuse = 100

// Faults lets tasks fail on a client, one after another, in ways that follow from
// the seed, while another task waits for its place. A fault that is not noticed, or
// whose reason is wrong, is in the report.
func Faults(ctx context.Context, opt Options) (*FaultReport, error) {
	if err := opt.complete(ctx); err != nil {
		return nil, err
	}
	if opt.Closed {
		return nil, errors.New("chaos: task faults are played on open systems: one flips a bit of a download, which TLS would see")
	}
	settings := map[string]string{"client.params.policy": "one", "client.params.request_interval": "0.2", "tasks.quarantine_minutes": "60", "tasks.restart_attempts": "0", "tasks.stall_minutes": fmt.Sprint(stall.Minutes())}
	maps.Copy(settings, opt.Settings)
	opt.Settings = settings
	c := &faultCampaign{crew: newCrew(opt, faultReuse), kinds: taskFaults(canConfine()),
		report: &FaultReport{Seed: opt.Seed, Parallel: opt.Parallel, Problems: []string{}, kinds: map[string]*tally{}}}
	wall, err := c.play(ctx, c.one)
	c.report.Wall = wall
	c.report.conclude()
	return c.report, err
}

// faultCampaign is a Faults under way.
type faultCampaign struct {
	*crew
	kinds  []taskFault
	report *FaultReport
}

// one plays one fault; spoilt tells that it went wrong, so that the system cannot
// be trusted any more.
func (c *faultCampaign) one(ctx context.Context, s *System, run int) (spoilt bool, err error) {
	p := picker{rand.New(rand.NewPCG(c.opt.Seed+uint64(run), 0x6661756c74))}
	// Each kind has its turn, in an order that the seed gives.
	order := rand.New(rand.NewPCG(c.opt.Seed, uint64(run/len(c.kinds)))).Perm(len(c.kinds))
	kind := c.kinds[order[run%len(c.kinds)]]
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false, err
	}
	defer taken.Close()
	f := &faultRun{s: s, id: fmt.Sprintf("f%d", run+1), taken: taken}
	o, err := f.play(ctx, kind, time.Duration(p.between(0, 400*time.Millisecond)))
	defer f.release()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.add(kind, o)
	if err != nil {
		c.report.Problems = append(c.report.Problems, fmt.Sprintf("fault %d, %s: %v; folder %s", run+1, kind.name, err, s.dir))
	} else if o.reason != kind.reason {
		c.report.Problems = append(c.report.Problems, fmt.Sprintf("fault %d, %s: the reason is %q and has to be %q", run+1, kind.name, o.reason, kind.reason))
	}
	if c.opt.Each != nil {
		c.opt.Each(c.report.Runs, nil)
	}
	return err != nil, nil
}
