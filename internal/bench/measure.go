package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Variant is one of the things that a group compares.
type Variant struct {
	Name string
	// LeftOut says why it is not measured; "" if it is.
	LeftOut string
	// Measure makes one round.
	Measure func(ctx context.Context) (Round, error)
}

// Round is what one round of a variant gave.
type Round struct {
	Values []Value
	// Times are single measurements whose spread over all rounds is told, for where
	// a round has few of them.
	Times []Timing
}

// Value is one number of a round.
type Value struct {
	Name, Unit string
	Value      float64
	// More tells that more of it is better; less of everything else is.
	More bool
}

// Timing is single times of one kind.
type Timing struct {
	Name  string
	Times []time.Duration
}

// interleave measures variants in turns: all of them once to warm up, then round
// after round, every second one in the reverse order, since who comes first in a
// round could always be the lucky one.
func (e *Env) interleave(ctx context.Context, group string, variants ...Variant) (Group, error) {
	g := Group{Name: group}
	rounds := make([][]Round, len(variants))
	for n := range e.Rounds + 1 { // round 0 warms up
		order := make([]int, len(variants))
		for i := range order {
			order[i] = i
		}
		if n%2 == 0 {
			slices.Reverse(order)
		}
		for _, i := range order {
			v := variants[i]
			if v.LeftOut != "" || n == 0 && e.Cold {
				continue
			}
			e.say("%s: round %d of %d, %s", group, n, e.Rounds, v.Name)
			r, err := v.Measure(ctx)
			if err != nil {
				return g, fmt.Errorf("%s, %s, round %d: %w", group, v.Name, n, err)
			}
			if n > 0 {
				rounds[i] = append(rounds[i], r)
			}
		}
	}
	for i, v := range variants {
		g.Variants = append(g.Variants, summarize(v, rounds[i]))
	}
	return g, nil
}

// summarize puts the rounds of a variant together.
func summarize(v Variant, rounds []Round) VariantResult {
	r := VariantResult{Name: v.Name, LeftOut: v.LeftOut, Figures: []Figure{}}
	for _, round := range rounds {
		for _, value := range round.Values {
			i := slices.IndexFunc(r.Figures, func(f Figure) bool { return f.Name == value.Name })
			if i < 0 {
				i = len(r.Figures)
				r.Figures = append(r.Figures, Figure{Name: value.Name, Unit: value.Unit, More: value.More})
			}
			r.Figures[i].Rounds = append(r.Figures[i].Rounds, rounded(value.Value))
		}
		for _, t := range round.Times {
			i := slices.IndexFunc(r.Spreads, func(s Spread) bool { return s.Name == t.Name })
			if i < 0 {
				i = len(r.Spreads)
				r.Spreads = append(r.Spreads, Spread{Name: t.Name})
			}
			r.Spreads[i].times = append(r.Spreads[i].times, t.Times...)
		}
	}
	for i := range r.Figures {
		r.Figures[i].conclude()
	}
	for i := range r.Spreads {
		r.Spreads[i].conclude()
	}
	return r
}
