package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// FaultReport is what a campaign of task faults found.
type FaultReport struct {
	Seed     uint64     `json:"seed"`
	Runs     int        `json:"runs"`
	Parallel int        `json:"parallel"`
	Wall     Span       `json:"wall"`
	Kinds    []FaultRow `json:"kinds"` // the last is of all
	Problems []string   `json:"problems"`

	kinds map[string]*tally
}

// FaultRow is what became of the faults of a kind.
type FaultRow struct {
	Kind    string         `json:"kind"`
	N       int            `json:"n"`
	Noticed int            `json:"noticed"`
	Reasons map[string]int `json:"reasons"`
	Wrong   int            `json:"wrong"` // of the reasons
	Next    Row            `json:"next"`  // from the fault to the next task's process
}

type tally struct {
	row  FaultRow
	next []time.Duration
}

// faultReuse is how many faults a system sees before a fresh one takes its place.
const faultReuse = 100

// Faults lets tasks fail on a client, one after another, in ways that follow from
// the seed, while another task waits for its place. A fault that is not noticed, or
// whose reason is wrong, is in the report.
func Faults(ctx context.Context, opt Options) (*FaultReport, error) {
	if err := opt.complete(ctx); err != nil {
		return nil, err
	}
	settings := map[string]string{"client.params.policy": "one", "client.params.request_interval": "0.2", "tasks.quarantine_minutes": "60", "tasks.restart_attempts": "0", "tasks.stall_minutes": fmt.Sprint(stall.Minutes())}
	maps.Copy(settings, opt.Settings)
	opt.Settings = settings
	c := &faultCampaign{opt: opt, scan: NewScanner(), kinds: taskFaults(canConfine()),
		report: &FaultReport{Seed: opt.Seed, Parallel: opt.Parallel, Problems: []string{}, kinds: map[string]*tally{}}}
	began := time.Now()
	scanning, stop := context.WithCancel(ctx)
	defer stop()
	var scanner, g errgroup.Group
	scanner.Go(func() error { return c.scan.Run(scanning) })
	for range min(opt.Parallel, opt.Runs) {
		g.Go(func() error { return c.work(ctx) })
	}
	err := g.Wait()
	stop()
	err = errors.Join(err, scanner.Wait())
	c.report.Wall = Span(time.Since(began).Round(time.Millisecond))
	c.report.conclude()
	return c.report, err
}

// faultCampaign is a Faults under way.
type faultCampaign struct {
	opt   Options
	scan  *Scanner
	kinds []taskFault

	mu     sync.Mutex
	next   int
	report *FaultReport
}

func (c *faultCampaign) take() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next >= c.opt.Runs {
		return 0, false
	}
	c.next++
	return c.next - 1, true
}

// work lets tasks fail on one system after another until there are no more.
func (c *faultCampaign) work(ctx context.Context) error {
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
		for n := 0; more && n < faultReuse && !keep; n++ {
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

func (r *FaultReport) add(kind taskFault, o outcome) {
	r.Runs++
	t := r.kinds[kind.name]
	if t == nil {
		t = &tally{row: FaultRow{Kind: kind.name, Reasons: map[string]int{}}}
		r.kinds[kind.name] = t
	}
	t.row.N++
	if !o.noticed {
		return
	}
	t.row.Noticed++
	t.row.Reasons[o.reason]++
	if o.reason != kind.reason {
		t.row.Wrong++
	}
	t.next = append(t.next, o.next)
}

func (r *FaultReport) conclude() {
	all := &tally{row: FaultRow{Kind: "all", Reasons: map[string]int{}}}
	for _, name := range slices.Sorted(maps.Keys(r.kinds)) {
		t := r.kinds[name]
		t.row.Next = spread(slices.Clone(t.next))
		r.Kinds = append(r.Kinds, t.row)
		all.row.N, all.row.Noticed, all.row.Wrong = all.row.N+t.row.N, all.row.Noticed+t.row.Noticed, all.row.Wrong+t.row.Wrong
		for reason, n := range t.row.Reasons {
			all.row.Reasons[reason] += n
		}
		all.next = append(all.next, t.next...)
	}
	all.row.Next = spread(all.next)
	r.Kinds = append(r.Kinds, all.row)
}
