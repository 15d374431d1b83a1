package timeline

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func at(t float64, text string) contract.Event { return contract.Event{Time: t, Event: text} }

func TestFiguresSearchForward(t *testing.T) {
	steps := []Step{{Name: "a", From: "A", To: "B"}, {Name: "b", From: "A", To: "B"}, {Name: "span", From: "A", To: "C"}, {Name: "none", From: "A", To: "Z"}}
	events := []contract.Event{at(1, "A"), at(2, "B"), at(4, "A"), at(7, "B"), at(11, "C")}
	got := Figures(events, steps)
	for i, want := range []struct {
		seconds float64
		found   bool
	}{{1, true}, {3, true}, {10, true}, {0, false}} {
		if got[i].Seconds != want.seconds || got[i].Found != want.found {
			t.Errorf("%s: got %+v, want %+v", got[i].Name, got[i], want)
		}
	}
}

// TestExperiment2Story reads a timeline as the contract tells it: the figures
// after the error are those of the second task.
func TestExperiment2Story(t *testing.T) {
	var events []contract.Event
	now := 0.0
	tell := func(after float64, text string) {
		now += after
		events = append(events, at(now, text))
	}
	for _, end := range []string{"Error!", "Finished client"} {
		tell(1, "Started requesting task")
		tell(0.1, "Finished requesting task")
		tell(0, "Started downloading task")
		tell(0.2, "Finished downloading task")
		tell(0, "Started client task initialization")
		tell(0.3, "Finish client task initialization")
		tell(2, "Started client")
		tell(0.5, end)
		if end == "Error!" {
			tell(0.01, "Started handling error from task E")
			tell(0.02, "Finished handling error from task E")
		}
	}
	want := []float64{2.3, 0.5, 0.03, 0.1, 0.2, 2.3, 0.03 + 1 + 0.1 + 0.2 + 0.3}
	for i, f := range Figures(events, Experiment2()) {
		if !f.Found || math.Abs(f.Seconds-want[i]) > 1e-9 {
			t.Errorf("%s: got %f (%t), want %f", f.Name, f.Seconds, f.Found, want[i])
		}
	}
}

func TestSummarize(t *testing.T) {
	for _, tc := range []struct {
		samples  []float64
		mean, ci float64
	}{
		{nil, 0, 0},
		{[]float64{3}, 3, math.NaN()},
		{[]float64{1, 2, 3, 4, 5}, 3, 1.963}, // 2.776 * sqrt(2.5/5)
	} {
		s := Summarize(tc.samples)
		same := math.Abs(s.CI-tc.ci) < 1e-3 || math.IsNaN(s.CI) && math.IsNaN(tc.ci)
		if s.Mean != tc.mean || !same || s.N != len(tc.samples) {
			t.Errorf("%v: got %+v, want %f ± %f", tc.samples, s, tc.mean, tc.ci)
		}
	}
	// The table goes over into the expansion without a step.
	if a, b := student975(30), student975(31); b >= a || a-b > 0.004 {
		t.Errorf("t(30) = %f, t(31) = %f", a, b)
	}
}

func TestWriteFileReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "events.json")
	want := []contract.Event{at(1, "a"), {Time: 2.5, Service: "s", Function: "f", Event: `"quoted"`}}
	if err := WriteFile(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := WriteFile(path, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(path); err != nil || len(got) != 0 {
		t.Errorf("an empty timeline came back as %+v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a torn file gave %v", err)
	}
}
