package chaos

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Report is what a campaign found.
type Report struct {
	Seed     uint64    `json:"seed"`
	Runs     int       `json:"runs"`
	Parallel int       `json:"parallel"`
	Broker   string    `json:"broker"`
	Wall     Span      `json:"wall"`
	Faults   int       `json:"faults"`
	Rounds   int       `json:"rounds"`  // reported by tasks, and in the history
	Excused  int       `json:"excused"` // reported, lost, and stated as losable
	Kinds    []KindRow `json:"kinds"`
	Told     Row       `json:"told"` // from right to all in the history, of runs
	// Of closed systems: how many bundles were revoked, how long processes lived after
	// that where nothing was broken, and how often a stranger was turned away.
	Closed      bool        `json:"closed"`
	Revocations int         `json:"revocations"`
	Revoked     Row         `json:"revoked"`
	Knocks      int64       `json:"knocks"`
	Slowest     []SlowRun   `json:"slowest"`
	Violations  []Violation `json:"violations"`

	kinds map[string]*samples
	told  []time.Duration
	ended []time.Duration
}

// SlowRun is a run that took long to be right after its last step, and what was not
// right last.
type SlowRun struct {
	Seed uint64 `json:"seed"`
	Took Span   `json:"took"`
	Last string `json:"last"`
}

// slowest is how many of them are told.
const slowest = 5

type samples struct{ all, after []time.Duration }

// Row is how times are spread.
type Row struct {
	N   int  `json:"n"`
	P50 Span `json:"p50"`
	P99 Span `json:"p99"`
	Max Span `json:"max"`
}

// KindRow is how long it took until all was right again after faults of a kind:
// since the fault began, and since it was over (a process started again, a link
// healed). Other faults of the schedule are part of it.
type KindRow struct {
	Kind  string `json:"kind"`
	Began Row    `json:"began"`
	Over  Row    `json:"over"`
}

func newReport(opt Options) *Report {
	return &Report{Seed: opt.Seed, Parallel: opt.Parallel, Broker: opt.Broker, Closed: opt.Closed, Violations: []Violation{}, kinds: map[string]*samples{}}
}

func (r *Report) add(t *trial) {
	r.Runs++
	r.Rounds += t.rounds
	r.Excused += t.excused
	r.Violations = append(r.Violations, t.violations...)
	r.told = append(r.told, t.toldIn)
	r.ended = append(r.ended, t.revokedIn...)
	r.Knocks += t.knocks.Load()
	for _, w := range t.tasks {
		if _, revoked := w.bundle(); !revoked.IsZero() {
			r.Revocations++
		}
	}
	r.Slowest = append(r.Slowest, SlowRun{t.schedule.Seed, Span(t.settled.Round(time.Millisecond)), t.last})
	slices.SortFunc(r.Slowest, func(a, b SlowRun) int { return cmp.Compare(b.Took, a.Took) })
	r.Slowest = r.Slowest[:min(len(r.Slowest), slowest)]
	for _, f := range t.faults {
		r.Faults++
		if f.right.IsZero() {
			continue // a violation tells of it
		}
		k := r.kinds[f.kind]
		if k == nil {
			k = &samples{}
			r.kinds[f.kind] = k
		}
		k.all = append(k.all, f.right.Sub(f.began))
		k.after = append(k.after, f.right.Sub(f.over))
	}
}

func (r *Report) conclude() {
	r.Kinds = []KindRow{}
	var all, after []time.Duration
	for _, kind := range slices.Sorted(maps.Keys(r.kinds)) {
		k := r.kinds[kind]
		r.Kinds = append(r.Kinds, KindRow{kind, spread(k.all), spread(k.after)})
		all, after = append(all, k.all...), append(after, k.after...)
	}
	r.Kinds = append(r.Kinds, KindRow{"all", spread(all), spread(after)})
	r.Told, r.Revoked = spread(r.told), spread(r.ended)
}

// spread sorts times and tells their spread; a quantile is the smallest time that
// as many are within.
func spread(times []time.Duration) Row {
	if len(times) == 0 {
		return Row{}
	}
	slices.SortFunc(times, cmp.Compare)
	at := func(q float64) Span {
		i := int(q*float64(len(times))+0.999999) - 1
		return Span(times[min(max(i, 0), len(times)-1)].Round(time.Millisecond))
	}
	return Row{N: len(times), P50: at(0.5), P99: at(0.99), Max: at(1)}
}
