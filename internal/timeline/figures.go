package timeline

import (
	"github.com/agata-fl/agata/pkg/contract"
)

// Published is a figure of the Python original, in seconds, from its own
// recorded runs: a range, or one value twice. Zero: none was published.
type Published struct{ Low, High float64 }

// Step is a figure to read from a timeline: the time between two events. From
// and To are texts; the search goes forward through the timeline, so that each
// step begins after the one before it, as result scripts of the original do.
type Step struct {
	Name      string
	From, To  string
	Published Published
}

// Figure is a step with what it took, in seconds. Found is false if one of its
// events is not on the timeline.
type Figure struct {
	Step
	Seconds float64
	Found   bool
}

// Experiment1 are the seven figures of experiment 1, task 4fe5.
func Experiment1() []Step {
	return []Step{
		{"1) registering a task", "Started registering a task", "Finished task creation", Published{0.033, 0.033}},
		{"2) starting a task at the cloud", "Started starting a task", "Finished server task initialization", Published{0.012, 0.012}},
		{"3) updating client info", "Started getting client stats for sending", "Finished updating user info", Published{0.04, 0.05}},
		{"4) requesting a task", "Started requesting task", "Finished requesting task", Published{0.022, 0.025}},
		{"5) downloading a task", "Started downloading task", "Finished downloading task", Published{0.019, 0.019}},
		{"6) starting a task at the client", "Started client task initialization", "Started client", Published{5.2, 5.6}},
		{"7) finishing a task at the client", "Finished client", "Finished handling task 4fe5 finalization", Published{0.75, 0.75}},
	}
}

// Experiment2 are the figures of experiment 2: task E fails, task C follows.
// The last one is AGATA's own: from the error to the start of the next process.
func Experiment2() []Step {
	return []Step{
		{"1) starting task E", "Started client task initialization", "Started client", Published{5.2, 5.6}},
		{"2) time to the bug", "Started client", "Error!", Published{}},
		{"3) handling the error", "Error!", "Finished handling error from task E", Published{0.75, 0.82}},
		{"4) requesting the next task", "Started requesting task", "Finished requesting task", Published{0.04, 0.06}},
		{"5) downloading the next task", "Started downloading task", "Finished downloading task", Published{0.017, 0.024}},
		{"6) starting task C", "Started client task initialization", "Started client", Published{5.2, 5.6}},
		{"7) from Error! to task C's process", "Error!", "Finish client task initialization", Published{1.9, 1.9}},
	}
}

// Experiment3 are the figures of experiment 3: the server of a task reports an
// error because accuracy stays low, and its clients go on with another task.
func Experiment3() []Step {
	return []Step{
		{"1) from the server's error to a client's next process", "Ended server", "Finish client task initialization", Published{}},
		{"2) from the server's error to the next task's first client", "Ended server", "Started client", Published{}},
	}
}

// Figures reads steps from events, which must be sorted.
func Figures(events []contract.Event, steps []Step) []Figure {
	figures := make([]Figure, len(steps))
	at := 0 // where the step before began: steps may overlap
	for i, s := range steps {
		figures[i] = Figure{Step: s}
		from := find(events, at, s.From)
		if from < 0 && i > 0 {
			from = find(events, 0, s.From) // a figure that spans the ones before it
		}
		if from < 0 {
			continue
		}
		to := find(events, from+1, s.To)
		if to < 0 {
			continue
		}
		figures[i].Seconds, figures[i].Found = events[to].Time-events[from].Time, true
		at = from + 1
	}
	return figures
}

func find(events []contract.Event, from int, text string) int {
	for i := from; i < len(events); i++ {
		if events[i].Event == text {
			return i
		}
	}
	return -1
}
