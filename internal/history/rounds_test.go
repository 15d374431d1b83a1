package history

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestRoundsOfTheNewestExecutions(t *testing.T) {
	s := open(t, Options{Now: (&clock{noon + 100}).now})
	about := func(execution string) contract.About { return contract.About{Task: "t", Execution: execution} }
	add(t, s, 9,
		round(1, about("server-1"), "", "server", "1", "0.1"),
		round(9, about("server-2"), "", "server", "1", "0.2"),
		round(10, about("server-2"), "", "server", "2", "0.3"),
		round(12, about("u1-new"), "u1", "client", "1", "0.5"),
		round(2, about("u1-old"), "u1", "client", "2", "0.4"), // an older one's, that came late
		round(3, about("u2-only"), "u2", "client", "1", "nan"),
		round(4, about("u2-only"), "u2", "client", "2", "about 0.7"),
		round(1, about("u2-only"), "u2", "client", "0", "60%"),
		round(5, contract.About{Task: "other", Execution: "z"}, "u2", "client", "1", "1"))
	show := func(f RoundFilter) string {
		t.Helper()
		series, err := s.Rounds(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, one := range series {
			text := one.Side + " " + one.Client + " " + one.Execution + ":"
			for _, p := range one.Points {
				if p.Acc == nil {
					text += fmt.Sprintf(" %g=(%s)", p.X, p.AccText)
				} else {
					text += fmt.Sprintf(" %g=%g", p.X, *p.Acc)
				}
			}
			list = append(list, text)
		}
		return strings.Join(list, "; ")
	}
	for want, f := range map[string]RoundFilter{
		"server  server-2: 1=0.2 2=0.3; client u1 u1-new: 1=0.5; client u2 u2-only: 0=0.6 1=(nan) 2=0.7": {Task: "t"},
		"client u1 u1-old: 2=0.4":       {Task: "t", Execution: "u1-old"},
		"client u1 u1-new: 1=0.5":       {Task: "t", Client: "u1"},
		"server  server-2: 1=0.2 2=0.3": {Task: "t", Series: 1},
		"client u2 z: 1=1":              {Task: "other"},
		"":                              {Task: "none"},
	} {
		if got := show(f); got != want {
			t.Errorf("%+v: got %s\nwant %s", f, got, want)
		}
	}
}

func TestRoundsAreThinned(t *testing.T) {
	s := open(t, Options{})
	var records []contract.Record
	for n := range 3000 {
		acc := fmt.Sprint(0.5 + 0.1*math.Sin(float64(n)/50))
		switch n {
		case 777:
			acc = "0.99"
		case 1234:
			acc = "0.01"
		}
		records = append(records, round(float64(n), contract.About{Task: "t", Execution: "x"}, "u", "client", fmt.Sprint("round ", n), acc))
	}
	add(t, s, 3000, records...)
	for _, points := range []int{0, 1, 8, 100, 2999, 3000} {
		series, err := s.Rounds(t.Context(), RoundFilter{Task: "t", Points: points})
		if err != nil || len(series) != 1 {
			t.Fatalf("%d series, %v", len(series), err)
		}
		one := series[0]
		most := max(8, points)
		if points == 0 {
			most = defaultPoints
		}
		if n := len(one.Points); n > most || n < most/3 || one.Thinned != (points < 3000) {
			t.Errorf("%d points for %d, thinned: %v", n, points, one.Thinned)
		}
		for _, want := range []string{"round 0", "round 777", "round 1234", "round 2999"} {
			if !slices.ContainsFunc(one.Points, func(p Point) bool { return p.Round == want }) {
				t.Errorf("of %d points, %s is missing", points, want)
			}
		}
		if !slices.IsSortedFunc(one.Points, func(a, b Point) int { return int(a.X - b.X) }) {
			t.Errorf("of %d points, not in order", points)
		}
	}
}

func TestRoundsThatAreNotNumbered(t *testing.T) {
	s := open(t, Options{})
	about := contract.About{Task: "t", Execution: "x"}
	add(t, s, 3, round(1, about, "u", "client", "warm-up", "x"), round(2, about, "u", "client", "7", "x"), round(3, about, "u", "client", "last", "x"))
	series, err := s.Rounds(t.Context(), RoundFilter{Task: "t"})
	if err != nil || len(series) != 1 || series[0].Points[0].X != 1 || series[0].Points[1].X != 2 || series[0].Points[2].X != 3 {
		t.Errorf("%+v, %v", series, err)
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]float64{
		"0.93": 0.93, " 1e-3 ": 0.001, "0,93": 0.93, "-5": -5, "+.5": 0.5, "93.5%": 0.935, "tensor(0.93, device='cuda:0')": 0.93, "np.float64(0.25)": 0.25,
		"Round 3": 3, "1/10": 1, "{'accuracy': 0.5}": 0.5, "[0.1, 0.2]": 0.1, "acc=0.75": 0.75,
	} {
		if got := number(text); got == nil || *got != want {
			t.Errorf("%q: got %v, want %g", text, got, want)
		}
	}
	for _, text := range []string{"", "NaN", "inf", "-Inf", "1e999", "none", "float64", "v1"} {
		if got := number(text); got != nil {
			t.Errorf("%q: got %g", text, *got)
		}
	}
}

func FuzzNumber(f *testing.F) {
	f.Add("tensor(0.93)")
	f.Add("1e999")
	f.Fuzz(func(t *testing.T, text string) {
		if x := number(text); x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
			t.Errorf("%q became %g", text, *x)
		}
	})
}
