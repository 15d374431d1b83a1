package chaos

import (
	"maps"
	"slices"
	"time"
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
