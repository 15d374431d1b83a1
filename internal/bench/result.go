package bench

import (
	"math"
	"slices"
	"time"
)

// Result is what one bench found.
type Result struct {
	Bench string `json:"bench"`
	// About says in a sentence or two what was measured, and how.
	About  string  `json:"about"`
	Groups []Group `json:"groups"`
	Goals  []Goal  `json:"goals"`
	// Notes are what a reader must know beside the figures.
	Notes []string `json:"notes,omitempty"`
	Took  float64  `json:"took_seconds"`
}

// Group is variants that were measured in turns.
type Group struct {
	Name     string          `json:"name"`
	Variants []VariantResult `json:"variants"`
}

// VariantResult is what the rounds of one variant gave.
type VariantResult struct {
	Name    string   `json:"name"`
	LeftOut string   `json:"left_out,omitempty"` // why it was not measured
	Figures []Figure `json:"figures"`
	Spreads []Spread `json:"spreads,omitempty"`
}

// Figure is one number of each round.
type Figure struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	More   bool      `json:"more_is_better"`
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
	Best   float64   `json:"best"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
}

func (f *Figure) conclude() {
	sorted := slices.Sorted(slices.Values(f.Rounds))
	f.Min, f.Max, f.Median = sorted[0], sorted[len(sorted)-1], median(sorted)
	f.Best = f.Min
	if f.More {
		f.Best = f.Max
	}
}

// Spread is single times of all rounds, in milliseconds.
type Spread struct {
	Name string  `json:"name"`
	N    int     `json:"n"`
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
	Max  float64 `json:"max_ms"`

	times []time.Duration
}

func (s *Spread) conclude() {
	slices.Sort(s.times)
	s.N = len(s.times)
	s.P50, s.P90, s.P99, s.Max = quantile(s.times, 0.5), quantile(s.times, 0.9), quantile(s.times, 0.99), quantile(s.times, 1)
}

// quantile is the smallest of sorted times that so many are within, in
// milliseconds; 0 of none.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return milliseconds(sorted[min(max(i, 0), len(sorted)-1)])
}

func milliseconds(d time.Duration) float64 { return rounded(d.Seconds() * 1e3) }

// median of sorted numbers; of an even count the mean of the middle two.
func median(sorted []float64) float64 {
	n := len(sorted)
	return rounded((sorted[(n-1)/2] + sorted[n/2]) / 2)
}

// rounded keeps four digits: no figure here has more.
func rounded(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	unit := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	if unit > 1 && math.Abs(x) < 1e12 {
		return math.Round(x*unit) / unit
	}
	return math.Round(x)
}

// Goal is a bound on something that was measured.
type Goal struct {
	What  string  `json:"what"`
	Bound float64 `json:"bound"`
	Unit  string  `json:"unit"`
	Most  bool    `json:"at_most"` // else at least
	Got   float64 `json:"got"`
	// Low and High are its spread: of a ratio, that of the single rounds' ratios.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	Met  bool    `json:"met"`
	// Missing says why nothing was got; such a goal is not met.
	Missing string `json:"missing,omitempty"`
}

func (g Goal) judged() Goal {
	if g.Most {
		g.Met = g.Missing == "" && g.Got <= g.Bound
	} else {
		g.Met = g.Missing == "" && g.Got >= g.Bound
	}
	return g
}

// figure finds a figure of a variant.
func (g Group) figure(variant, name string) (Figure, bool) {
	for _, v := range g.Variants {
		if i := slices.IndexFunc(v.Figures, func(f Figure) bool { return f.Name == name }); v.Name == variant && i >= 0 {
			return v.Figures[i], true
		}
	}
	return Figure{}, false
}

// spread finds the spread of a variant's times.
func (g Group) spread(variant, name string) (Spread, bool) {
	for _, v := range g.Variants {
		if i := slices.IndexFunc(v.Spreads, func(s Spread) bool { return s.Name == name }); v.Name == variant && i >= 0 {
			return v.Spreads[i], true
		}
	}
	return Spread{}, false
}

// ratio is a goal for a figure of one variant in terms of another's: the ratio of
// their medians is what counts.
func (g Group) ratio(what string, atLeast float64, figure, of, to string) Goal {
	goal := Goal{What: what, Bound: atLeast, Unit: "x"}
	a, foundA := g.figure(of, figure)
	b, foundB := g.figure(to, figure)
	if !foundA || !foundB || b.Median == 0 {
		goal.Missing = "not measured"
		return goal
	}
	goal.Got = rounded(a.Median / b.Median)
	var each []float64
	for i := range min(len(a.Rounds), len(b.Rounds)) {
		each = append(each, rounded(a.Rounds[i]/b.Rounds[i]))
	}
	goal.Low, goal.High = slices.Min(each), slices.Max(each)
	return goal.judged()
}

// bound is a goal for a figure of one variant.
func (g Group) bound(what string, bound float64, most bool, variant, figure string) Goal {
	goal := Goal{What: what, Bound: bound, Most: most}
	f, found := g.figure(variant, figure)
	if !found {
		goal.Missing = "not measured"
		return goal
	}
	goal.Unit, goal.Got, goal.Low, goal.High = f.Unit, f.Median, f.Min, f.Max
	return goal.judged()
}

// within is a goal for a quantile of single times, in milliseconds.
func (g Group) within(what string, most float64, variant, times string, q func(Spread) float64) Goal {
	goal := Goal{What: what, Bound: most, Unit: "ms", Most: true}
	s, found := g.spread(variant, times)
	if !found || s.N == 0 {
		goal.Missing = "not measured"
		return goal
	}
	goal.Got, goal.Low, goal.High = q(s), s.P50, s.Max
	return goal.judged()
}

func p50(s Spread) float64 { return s.P50 }
func p99(s Spread) float64 { return s.P99 }
