package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// The figures of what is called again and again.
const (
	rate      = "rate"
	figureP50 = "p50"
	figureP99 = "p99"
	figureCPU = "processor time a call" // of this process: both ends, and an embedded broker
)

// drive has so many callers call, each one call after the other, until the time is
// over. The calls under way then are waited for and count.
func drive(ctx context.Context, callers int, over time.Duration, call func(ctx context.Context, caller int) error) (Round, error) {
	took := make([][]time.Duration, callers)
	g, ctx := errgroup.WithContext(ctx)
	began, used := time.Now(), processorTime()
	end := began.Add(over)
	for i := range callers {
		g.Go(func() error {
			for now := time.Now(); ; {
				if err := call(ctx, i); err != nil {
					return err
				}
				then := time.Now()
				took[i] = append(took[i], then.Sub(now))
				if now = then; !now.Before(end) {
					return nil
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return Round{}, err
	}
	all, elapsed := slices.Concat(took...), time.Since(began)
	r := called(all, elapsed)
	each := (processorTime() - used).Seconds() * 1e6 / float64(len(all))
	r.Values = append(r.Values, Value{Name: figureCPU, Unit: "µs", Value: each})
	return r, nil
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// called is a round of so many calls.
func called(times []time.Duration, over time.Duration) Round {
	slices.Sort(times)
	return rates(float64(len(times))/over.Seconds(), quantile(times, 0.5), quantile(times, 0.99))
}

func rates(perSecond, p50, p99 float64) Round {
	return Round{Values: []Value{
		{Name: rate, Unit: "/s", Value: perSecond, More: true},
		{Name: figureP50, Unit: "ms", Value: p50}, {Name: figureP99, Unit: "ms", Value: p99},
	}}
}

// times tells "1 caller" from "8 callers".
func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
