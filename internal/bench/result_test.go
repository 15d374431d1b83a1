package bench

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVariantsTakeTurns(t *testing.T) {
	var order []string
	variant := func(name string) Variant {
		return Variant{Name: name, Measure: func(context.Context) (Round, error) {
			order = append(order, name)
			return Round{Values: []Value{{Name: "f", Unit: "s", Value: float64(len(order))}}, Times: []Timing{{"t", []time.Duration{time.Second}}}}, nil
		}}
	}
	e := &Env{Rounds: 3}
	g, err := e.interleave(t.Context(), "g", variant("a"), Variant{Name: "away", LeftOut: "why"}, variant("b"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ""); got != "baabbaab" {
		t.Errorf("the order was %s", got)
	}
	a, found := g.figure("a", "f")
	if !found || !slices.Equal(a.Rounds, []float64{3, 6, 7}) || a.Median != 6 || a.Best != 3 || a.Min != 3 || a.Max != 7 {
		t.Errorf("%+v", a)
	}
	if s, found := g.spread("b", "t"); !found || s.N != 3 || s.P99 != 1000 {
		t.Errorf("%+v", s)
	}
	if v := g.Variants[1]; v.LeftOut != "why" || len(v.Figures) > 0 {
		t.Errorf("%+v", v)
	}
	failure := errors.New("no")
	_, err = e.interleave(t.Context(), "g", Variant{Name: "bad", Measure: func(context.Context) (Round, error) { return Round{}, failure }})
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

func TestGoals(t *testing.T) {
	g := Group{Variants: []VariantResult{
		summarize(Variant{Name: "a"}, roundsOf(9, 10, 12)), summarize(Variant{Name: "b"}, roundsOf(10, 20, 10)),
	}}
	for name, c := range map[string]struct {
		goal     Goal
		got      float64
		low, top float64
		met      bool
	}{
		"a ratio that is met":     {g.ratio("", 0.9, "f", "a", "b"), 1, 0.5, 1.2, true},
		"a ratio that is not":     {g.ratio("", 1.1, "f", "a", "b"), 1, 0.5, 1.2, false},
		"of what is not there":    {g.ratio("", 0, "f", "a", "c"), 0, 0, 0, false},
		"at most":                 {g.bound("", 10, true, "a", "f"), 10, 9, 12, true},
		"at most, in every round": {g.worst("", 10, "a", "f"), 12, 9, 12, false},
		"at least":                {g.bound("", 10.5, false, "a", "f"), 10, 9, 12, false},
		"beyond":                  {g.beyond("", 0.3, "f", "a", "b"), 0, -10, 2, true},
	} {
		if c.goal.Got != c.got || c.goal.Low != c.low || c.goal.High != c.top || c.goal.Met != c.met {
			t.Errorf("%s: %+v", name, c.goal)
		}
	}
}

func roundsOf(values ...float64) (rounds []Round) {
	for _, v := range values {
		rounds = append(rounds, Round{Values: []Value{{Name: "f", Unit: "s", Value: v}}})
	}
	return rounds
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.0123: "0.012", 0.5: "0.5", 12.345: "12.35", 99.999: "100", 100: "100", 1234.5: "1,235", 1234567: "1,234,567", -4: "-4"} {
		if got := number(x); got != want {
			t.Errorf("%g is %s, want %s", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0: 0, 1.23456: 1.235, 123456: 123456, 0.000123456: 0.0001235, math.Inf(1): math.Inf(1)} {
		if got := rounded(x); got != want {
			t.Errorf("%g is rounded to %g, want %g", x, got, want)
		}
	}
}

func TestAPageIsFilled(t *testing.T) {
	report := &Report{Environment: Environment{Command: "agata bench x", Cores: 2}, Results: []Result{{Bench: "x", About: "About it.", Groups: []Group{{Name: "g", Variants: []VariantResult{
		summarize(Variant{Name: "a|b"}, roundsOf(1, 2, 3))}}}, Goals: []Goal{{What: "fast", Bound: 2, Unit: "s", Most: true, Got: 2, Met: true}}}}}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if report, err = Read(strings.NewReader(string(text))); err != nil {
		t.Fatal(err)
	}
	page := "# Page\n\n" + begins("x") + "old\n" + ends + "\n\nafter\n"
	got, err := Fill(page, report)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Page\n", "    agata bench x\n\nAbout it.\n", "| a\\|b | 2 (1 to 3) |\n", "| fast | at most 2 s | 2 s | 0 to 0 | yes |\n", ends + "\n\nafter\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "old") {
		t.Error("the old text is still there")
	}
	if again, err := Fill(got, report); err != nil || again != got {
		t.Errorf("filled twice it is another page: %v", err)
	}
	if _, err := Fill("# Page\n", report); err == nil {
		t.Error("a page without a section was filled")
	}
	for _, bad := range []string{"", "{}", `{"results":[]}`, `{"speed":1}`} {
		if _, err := Read(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// The page says what the reports beside it say: nobody has typed into it.
func TestTheBenchmarksPageIsWrittenFromReports(t *testing.T) {
	text, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../docs/benchmarks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d reports, %v", len(files), err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		report, err := Read(f)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if filled, err := Fill(string(text), report); err != nil || filled != string(text) {
			t.Errorf("%s is not what docs/benchmarks.md says (%v): run agata bench report %s --write docs/benchmarks.md", name, err, name)
		}
	}
}
